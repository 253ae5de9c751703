"""What reading costs: the state of a stream, and all streams by position while others append."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.events_stores import (
    DATA,
    STREAMS,
    Plan,
    dbkit_contestant,
    execute,
    in_role,
    number,
    variables,
)
from benchmarks.figures import Figure
from benchmarks.pgbench import command, run_script, take_turns

WRITERS = 8
PAGE = 1_000

_APPLIER = """
create function bench.apply(p_state jsonb, p_event dbkit.event_store) returns jsonb
language sql immutable as $$
  select coalesce(p_state, '{}') || jsonb_build_object(
    'currency', p_event.event_data -> 'currency',
    'orders', coalesce((p_state ->> 'orders')::int, 0) + 1,
    'total_cents', coalesce((p_state ->> 'total_cents')::bigint, 0)
      + (p_event.event_data ->> 'total_cents')::bigint)
$$;
select dbkit.register_applier('bench_account', 'bench.apply(jsonb,dbkit.event_store)');
"""

_STREAM = """
select dbkit.append_events('bench_account', '{stream}', (
  select jsonb_agg(jsonb_build_object(
    'event_type', 'Charged', 'event_data', $data${data}$data$::jsonb))
  from generate_series(1, {events})))
"""

_STATES = {"100": (100, 2.0), "10000": (10_000, 80.0), "snapshot": (1_000, 1.0)}
_TITLES = {
    "100": "state of a stream of 100 events, folded",
    "10000": "state of a stream of 10,000 events, folded",
    "snapshot": "state of a stream of 1,010 events, snapshot + 10",
}


def state(plan: Plan, store: str) -> list[Figure]:
    """Milliseconds, all in: the call, the fold, the answer at the client."""
    execute(store, _APPLIER)
    for stream, (events, _) in _STATES.items():
        execute(store, _STREAM.format(stream=stream, events=events, data=DATA))
    execute(store, "select dbkit.create_snapshot('bench_account', 'snapshot')")
    execute(store, _STREAM.format(stream="snapshot", events=10, data=DATA))
    execute(store, "vacuum analyze")
    _check_snapshots(store)
    plan.say("events: state of a stream")

    def measure(stream: str, _: int) -> float:
        script = f"select dbkit.get_aggregate_state('bench_account', '{stream}');\n"
        url = in_role(store, "service_role")
        return run_script(url, script, clients=1, seconds=plan.seconds).latency_us / 1000

    taken = take_turns(list(_STATES), measure, rounds=plan.rounds)
    return [
        Figure("state", _TITLES[s], 1, "ms", taken[s], None, target, "below")
        for s, (_, target) in _STATES.items()
    ]


def _check_snapshots(store: str) -> None:
    """Only one stream has a snapshot, else the figures would not be what they say."""
    where = "from dbkit.event_snapshots where aggregate_type = 'bench_account'"
    others = number(store, f"select count(*) {where} and aggregate_id <> 'snapshot'")
    if others or not number(store, f"select count(*) {where}"):
        raise RuntimeError("the streams to be folded have snapshots, or the other has none")


_HISTORY = """
select count(dbkit.append_events('history', s::text, (
  select jsonb_agg(jsonb_build_object(
    'event_type', 'Charged', 'event_data', $data${data}$data$::jsonb))
  from generate_series(1, 100))))
from generate_series(1, {streams}) s
"""

_PAGES = {
    "read_all": "select * from dbkit.read_all(:after, :page);\n",
    "bare": "select * from dbkit.event_store where position > :after"
    " order by position limit :page;\n",
}


def pages(plan: Plan, store: str) -> list[Figure]:
    """Pages of old events, picked at random, while eight clients append."""
    oldest = number(store, "select coalesce(max(position), 0) from dbkit.event_store")
    execute(store, _HISTORY.format(data=DATA, streams=500))
    newest = number(store, "select max(position) from dbkit.event_store")
    base = 700_000_000
    dbkit_contestant(store).prepare(base, base + WRITERS * STREAMS - 1)
    execute(store, "vacuum analyze")
    urls = {"read_all": in_role(store, "service_role"), "bare": store}
    given: dict[str, str | int] = {"oldest": oldest, "last": newest - PAGE, "page": PAGE}
    plan.say(f"events: pages of {PAGE} while {WRITERS} clients append")

    def measure(name: str, _: int) -> float:
        script = "\\set after random(:oldest, :last)\n" + _PAGES[name]
        run = run_script(urls[name], script, clients=1, seconds=plan.seconds, variables=given)
        return run.tps

    with _appending(store, base):
        tps = take_turns(list(_PAGES), measure, rounds=plan.rounds)
    title = f"read_all(…, {PAGE}) / indexed SELECT of the same rows, {WRITERS} writers beside"
    return [Figure("read", title, 1, "pages/s", tps["read_all"], tps["bare"], 0.8)]


@contextmanager
def _appending(store: str, base: int) -> Generator[None]:
    """Clients that append until the block ends; they must not have stopped by then."""
    ours = dbkit_contestant(store)
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "append.sql"
        script.write_text(ours.script, "utf-8")
        given = variables(base)
        arguments = command(ours.url, script, clients=WRITERS, seconds=3600, variables=given)
        with subprocess.Popen(arguments, stdout=subprocess.DEVNULL) as process:
            try:
                yield
                if process.poll() is not None:
                    raise RuntimeError("the clients that append beside the reader have stopped")
            finally:
                process.terminate()
