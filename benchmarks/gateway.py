"""The gateway's figures: beside a service written by hand, beside as little as possible, and alone.

`dbkit serve`, the FastAPI service (`gateway_reference`) and the handler that only forwards one
statement (`gateway_minimal`) are processes of one worker each, with as many connections to the same
database, in the same rights (anon: row level security counts for all), asked in turn.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from benchmarks.dispatch import store_with_twenty_items
from benchmarks.events_stores import Plan, as_login, create_store, execute, in_role
from benchmarks.figures import Figure, skipped
from benchmarks.gateway_load import NONE, Job, Load, Loaded, find_load
from benchmarks.gateway_own import envelope_us, request_us
from benchmarks.gateway_servers import Running, gateway, reference
from benchmarks.pgbench import take_turns
from dbkit.demo_data import load_restaurant

BUSY, CROWDED = 16, 200
"""Connections, for throughput and for the tail of latencies. 16 keep all connections to the
database busy; with more, what a slow server has under way when a turn ends would not count."""

LONGER = 2
"""A turn takes so many times `plan.seconds`, for the same reason."""

P99_MS = 2000
"""The queue's own bound: nobody waits longer for a connection (DBKIT_GATEWAY_QUEUE_SECONDS)."""

HEADERS = {
    "content-type": "application/json",
    "x-app-name": "web",
    "x-app-version": "3.1.0",
    "x-client-id": "web_123",
    "x-client-region": "us-east-1",
}
_SETUP = """
create function bench.store(p_payload jsonb) returns jsonb language plpgsql stable as $$
begin
  return (select jsonb_build_object('id', s.id, 'name', s.name, 'currency', s.currency,
      'is_open', s.is_open)
    from dbkit.stores s
    where s.id = (p_payload ->> 'store_id')::bigint and s.is_active);
end $$;
select dbkit.register_rpc('bench_store', 'v1', 'bench.store(jsonb)');
"""
_CALLS = {"get_menu_items": "a menu of 20 items, nested", "bench_store": "one row"}
_LOGIN = "bench_gateway"


@dataclass(frozen=True)
class Contestant:
    """A server, and the folder of its calls."""

    running: Running
    folder: str = "/rpc/"


@dataclass(frozen=True)
class Ground:
    """What all are measured on."""

    url: str
    """The gateway's own login."""
    store: str
    """The superuser's."""
    body: str
    """Payload of both calls."""


def run(plan: Plan, load: Load | None = None) -> list[Figure]:
    """What cannot be measured here is skipped, with the reason."""
    try:
        ground = _ground(plan)
    except (psycopg.Error, RuntimeError, OSError) as error:
        return [skipped("gateway", "all", _reason(error))]
    figures: list[Figure] = []
    tool = load or find_load()
    measures: dict[str, Callable[[], list[Figure]]] = {
        "beside other services": lambda: _beside(plan, ground, tool),
        "its own time": lambda: _alone(plan, ground),
    }
    for what, measure in measures.items():
        try:
            figures += measure()
        except (psycopg.Error, ImportError, RuntimeError, OSError) as error:
            figures.append(skipped("gateway", what, _reason(error)))
    return figures


def _reason(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _ground(plan: Plan) -> Ground:
    plan.say("gateway: loading the restaurant")
    store = create_store(plan.url, "gateway")
    password = str(conninfo_to_dict(store).get("password") or _LOGIN)
    with psycopg.connect(store, autocommit=True) as conn:
        conn.execute(_SETUP.encode())
        load_restaurant(conn, lambda: None)
        number = store_with_twenty_items(conn)
        conn.execute("select dbkit.switch_api_version('v3', 'v2')")
        conn.execute(
            sql.SQL("create role {} login password {} in role dbkit_gateway").format(
                sql.Identifier(_LOGIN), sql.Literal(password)
            )
        )
    execute(store, "vacuum analyze")
    return Ground(as_login(store, _LOGIN, password), store, json.dumps({"store_id": number}))


# --- beside others ---------------------------------------------------------------------------


def _beside(plan: Plan, ground: Ground, load: Load | None) -> list[Figure]:
    if load is None:
        raise RuntimeError(NONE)
    with _contestants(ground) as contestants:
        figures: list[Figure] = []
        for call, what in _CALLS.items():
            _check_answers(contestants, call, ground.body)
            figures += _Beside(plan, ground, load, contestants, call, what).figures()
        return figures


@contextmanager
def _contestants(ground: Ground) -> Iterator[Mapping[str, Contestant]]:
    public = in_role(ground.store, "anon")
    orm = public.replace("postgresql://", "postgresql+psycopg://", 1)
    with (
        gateway(ground.url) as ours,
        reference("gateway_reference", orm) as written,
        reference("gateway_minimal", public) as minimal,
    ):
        yield {
            "gateway": Contestant(ours),
            "FastAPI": Contestant(written),
            "forwarding": Contestant(minimal),
            "handler": Contestant(minimal, "/direct/"),
        }


def _check_answers(contestants: Mapping[str, Contestant], call: str, body: str) -> None:
    """All say the same: otherwise it would be no comparison."""
    said: dict[str, Any] = {}
    with httpx2.Client(trust_env=False, timeout=30, headers=HEADERS) as client:
        for name, contestant in contestants.items():
            answer = client.post(_address(contestant, call), content=body)
            if answer.status_code != 200:
                raise RuntimeError(f"{name} answers {call} with {answer.status_code}")
            said[name] = answer.json() if name == "handler" else answer.json()["data"]
    for name, data in said.items():
        if data != said["handler"]:
            raise RuntimeError(f"{name} answers {call} with something else")
    items = [i for c in said["handler"].get("categories", ()) for i in c["items"]]
    if call == "get_menu_items" and len(items) != 20:
        raise RuntimeError(f"the menu has {len(items)} items, not 20")


def _address(contestant: Contestant, call: str) -> str:
    return f"{contestant.running.url}{contestant.folder}{call}"


@dataclass(frozen=True)
class _Beside:
    """One call, of all contestants in turn."""

    plan: Plan
    ground: Ground
    load: Load
    contestants: Mapping[str, Contestant]
    call: str
    what: str

    def figures(self) -> list[Figure]:
        self.plan.say(f"gateway: {self.what}, {BUSY} connections")
        for name in self.contestants:
            self._loaded(name, BUSY, self.plan.seconds * LONGER)
        cpu: dict[str, list[float]] = defaultdict(list)
        names = list(self.contestants)
        rates = take_turns(names, lambda name, _: self._rate(name, cpu), rounds=self.plan.rounds)
        self.plan.say(f"gateway: {self.what}, {CROWDED} connections")
        # FastAPI takes seconds for a menu here.
        seconds = max(self.plan.seconds * 2 * LONGER, 5)
        tails = take_turns(
            names[:3],
            lambda name, _: self._loaded(name, CROWDED, seconds).p99_ms,
            rounds=min(self.plan.rounds, 5),
        )
        used = {name: statistics.median(values) for name, values in cpu.items()}
        return [*self._throughput(rates), *self._tails(tails), *self._used(used)]

    def _rate(self, name: str, cpu: dict[str, list[float]]) -> float:
        running = self.contestants[name].running
        before = running.cpu_seconds()
        loaded = self._loaded(name, BUSY, self.plan.seconds * LONGER)
        after = running.cpu_seconds()
        if before is not None and after is not None:
            cpu[name].append((after - before) / loaded.answered * 1e6)
        return loaded.rate

    def _loaded(self, name: str, connections: int, seconds: int) -> Loaded:
        address = _address(self.contestants[name], self.call)
        loaded = self.load(Job(address, self.ground.body, HEADERS, connections, seconds))
        if loaded.failed or not loaded.answered:
            raise RuntimeError(
                f"{name}: {loaded.failed} of {loaded.answered} requests failed at"
                f" {connections} connections"
            )
        return loaded

    def _throughput(self, rates: Mapping[str, float]) -> list[Figure]:
        ours = rates["gateway"]

        def beside(other: str, against: str, target: float | None) -> Figure:
            what = f"{self.what}: gateway / {against}"
            return Figure("throughput", what, BUSY, "/s", ours, rates[other], target)

        return [
            beside("FastAPI", "FastAPI + SQLAlchemy ORM", 3),
            beside("forwarding", "Starlette + psycopg forwarding one statement", 0.6),
            beside("handler", "the same, without routing: the handler's function", None),
        ]

    def _tails(self, p99: Mapping[str, float]) -> list[Figure]:
        ours, what = p99["gateway"], f"p99, {self.what}"
        bounded = Figure("latency", what, CROWDED, "ms", ours, None, P99_MS, "at most")
        against = {"FastAPI": "FastAPI + SQLAlchemy ORM", "forwarding": "forwarding one statement"}
        return [
            bounded,
            *(
                Figure("latency", f"{what}: gateway / {text}", CROWDED, "ms", ours, p99[other])
                for other, text in against.items()
            ),
        ]

    def _used(self, us: Mapping[str, float]) -> list[Figure]:
        if not us:
            return [skipped("CPU", f"{self.what}: a request", "there is no /proc")]
        if not all(us.values()):
            return [skipped("CPU", f"{self.what}: a request", "the load was too short")]
        what = f"{self.what}: a request in the server's process, HTTP and libpq included"
        return [
            Figure("CPU", f"{what}: gateway / {text}", BUSY, "µs", us["gateway"], us[other])
            for other, text in (("FastAPI", "FastAPI"), ("forwarding", "forwarding"))
        ]


# --- alone -----------------------------------------------------------------------------------


def _alone(plan: Plan, ground: Ground) -> list[Figure]:
    plan.say("gateway: its own time")
    count = max(200, 1000 * plan.seconds)
    figures: list[Figure] = []
    for call, what in _CALLS.items():
        us = _run(
            request_us(
                ground.url, call, ground.body, HEADERS, count=count, rounds=min(plan.rounds, 5)
            )
        )
        of = f"{what}: CPU time of a request, database and socket apart"
        figures.append(Figure("own", of, 1, "µs", us, None, 400, "below"))
    us = envelope_us(count=count, rounds=min(plan.rounds, 5))
    of = "envelope of v2 and links, a list of 20 by POST"
    return [*figures, Figure("own", of, 1, "µs", us, None, 200, "below")]


def _run(measured: Coroutine[Any, Any, float]) -> float:
    """On the loop that `dbkit serve` runs on."""
    if sys.platform == "win32":
        return asyncio.run(measured)
    import uvloop

    return uvloop.run(measured)
