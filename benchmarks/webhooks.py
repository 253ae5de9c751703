"""The webhooks' figures: what one worker delivers, what a claim costs, what an idle worker costs.

The worker is a process of its own, as a user starts it, its database one whose owner is no
superuser; so are the endpoint and the bare client that it is compared with.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from benchmarks.events_stores import DATA, Plan, create_store, execute, in_role, number
from benchmarks.figures import Figure, skipped
from benchmarks.pgbench import take_turns
from benchmarks.webhooks_http import Endpoint, Job, endpoint, post_all
from dbkit.webhooks import sign

SUBSCRIPTIONS = 8
IN_FLIGHT = 64
"""Requests at a time, of the worker and of the bare client."""

PER_SECOND = 2_000
"""How many are queued for each second of a turn."""

CLAIMED = 100
PENDING = (1_000, 1_000_000)

_QUEUED = """
select dbkit.append_events('order', 'bench-' || gen_random_uuid(), e.batch)
from generate_series(1, {batches}) as b,
  (select jsonb_agg(jsonb_build_object('event_type', 'OrderPlaced',
    'event_data', $data${data}$data$::jsonb)) as batch from generate_series(1, {size})) as e;
"""
_UNDONE = """
select (select count(*) from dbkit.event_store where position > (
    select position from dbkit.event_reader_checkpoints where reader = 'dbkit.webhooks'))
  + (select count(*) from dbkit.event_delivery_log
    where status in ('pending', 'leased', 'retry_wait'))
"""
_LOADED = """
insert into dbkit.event_webhook_messages (created_at, organization_id, webhook_id, aggregate_type,
  aggregate_id, event_type, body)
select now(), 'default', 'msg_' || n, 'order', '1', 'OrderPlaced', $data${data}$data$
from generate_series(1, {pending}) as n;
insert into dbkit.event_delivery_log (created_at, next_attempt_at, subscription_id, organization_id,
  event_organization_id, webhook_id)
select now(), now(), s.ids[1 + n % {subscriptions}], 'default', 'default', 'msg_' || n
from generate_series(1, {pending}) as n,
  (select array_agg(subscription_id) as ids from dbkit.event_subscriptions) as s;
update dbkit.event_delivery_queues set due_at = now(), send_window = {in_flight};
"""


def run(plan: Plan) -> list[Figure]:
    """What cannot be measured here is skipped, with the reason."""
    figures: list[Figure] = []
    for measure in (deliveries, claims, idle):
        try:
            figures += measure(plan)
        except (psycopg.Error, RuntimeError, OSError) as error:
            reason = str(error).strip().splitlines()[0]
            figures.append(skipped("webhooks", measure.__name__, reason))
    return figures


# --- deliveries ------------------------------------------------------------------------------


def deliveries(plan: Plan) -> list[Figure]:
    plan.say(f"webhooks: one worker and the bare client, {IN_FLIGHT} requests at a time")
    store = create_store(plan.url, "webhooks")
    spawn = multiprocessing.get_context("spawn")
    with endpoint() as to, spawn.Pool(1) as client, worker(store):
        _subscribe(store, to.url)
        events = PER_SECOND * plan.seconds // SUBSCRIPTIONS

        def by_worker() -> float:
            _queue(store, events)
            return _delivered(store, to)

        by_worker()
        job = Job(to.url, _requests(store, events * SUBSCRIPTIONS), IN_FLIGHT)
        turns: dict[str, Callable[[], float]] = {
            "worker": by_worker,
            "client": lambda: client.apply(post_all, (job,)),
        }
        rates = take_turns(list(turns), lambda name, _: turns[name](), rounds=plan.rounds)
    ours, bare = rates["worker"], rates["client"]
    what = "deliveries of one worker, signed, every state durable"
    return [
        Figure("webhooks", what, IN_FLIGHT, "/s", ours, None, 1500),
        Figure("webhooks", "that / the bare httpx2 client", IN_FLIGHT, "/s", ours, bare, 0.5),
    ]


@contextmanager
def worker(store: str) -> Generator[subprocess.Popen[bytes], None, None]:
    """`dbkit worker`, in the rights of the service; at the end it must stop without an error."""
    settings = {"DATABASE_URL": in_role(store, "service_role"), "DBKIT_WEBHOOK_ALLOW": "127.0.0.1"}
    with subprocess.Popen(
        [sys.executable, "-m", "dbkit", "worker", "--concurrency", str(IN_FLIGHT)],
        env=os.environ | settings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            code = process.wait(60)
    if code != 0:
        raise RuntimeError(f"the worker ended with {code}")


def _subscribe(store: str, url: str) -> None:
    per_subscription = max(IN_FLIGHT // SUBSCRIPTIONS, 1)
    with psycopg.connect(store, autocommit=True) as conn:
        for n in range(SUBSCRIPTIONS):
            conn.execute(
                "select dbkit.create_subscription(%s, p_max_in_flight => %s)",
                [f"{url}{n}", per_subscription],
            )


def _all_subscriptions(store: str, function: str) -> None:
    execute(
        store,
        f"select dbkit.{function}(subscription_id) from dbkit.event_subscriptions"
        " order by subscription_id",
    )


def _queue(store: str, events: int) -> None:
    """So many events wait for each subscription, and nothing is sent yet."""
    _all_subscriptions(store, "pause_subscription")
    batches = max(events // 100, 1)
    execute(store, _QUEUED.format(batches=batches, size=events // batches, data=DATA))
    wanted = events // batches * batches * SUBSCRIPTIONS
    _until(lambda: number(store, _UNDONE) == wanted, "the events are not queued")
    execute(store, "vacuum analyze dbkit.event_delivery_log, dbkit.event_webhook_messages")


def _delivered(store: str, to: Endpoint) -> float:
    """Deliveries a second, from when they may be sent until the last one is settled."""
    before, wanted = to.received, number(store, _UNDONE)
    begin = time.perf_counter()
    _all_subscriptions(store, "resume_subscription")
    _until(lambda: to.received >= before + wanted, "deliveries do not arrive")
    _until(lambda: number(store, _UNDONE) == 0, "deliveries are not settled")
    return wanted / (time.perf_counter() - begin)


def _until(holds: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + 120
    while not holds():
        if time.monotonic() > deadline:
            raise RuntimeError(otherwise)
        time.sleep(0.005)


def _requests(store: str, count: int) -> list[tuple[dict[str, str], bytes]]:
    """What the worker has sent, signed beforehand: this is the limit of the client alone."""
    secret = bytes(32)
    with psycopg.connect(store) as conn:
        found = conn.execute("select body from dbkit.event_webhook_messages limit 1000").fetchall()
    bodies = [row[0].encode() for row in found]
    made = [(sign(body, secret), body) for body in bodies]
    return [made[n % len(made)] for n in range(count)]


# --- claims ----------------------------------------------------------------------------------


def claims(plan: Plan) -> list[Figure]:
    few, many = (_pending_store(plan, pending) for pending in PENDING)
    plan.say(f"webhooks: claiming {CLAIMED} of {PENDING[0]:,} and of {PENDING[1]:,}")
    ms = take_turns([few, many], lambda store, _: _claim_ms(store), rounds=plan.rounds)
    what = f"claim {CLAIMED} of {PENDING[1]:,} waiting / of {PENDING[0]:,}"
    return [Figure("webhooks", what, 1, "ms", ms[many], ms[few], 1.2, "at most")]


def _pending_store(plan: Plan, pending: int) -> str:
    plan.say(f"webhooks: loading {pending:,} deliveries")
    store = create_store(plan.url, f"webhooks_{pending}")
    _subscribe(store, "http://127.0.0.1:9/")
    given = {"pending": pending, "subscriptions": SUBSCRIPTIONS, "in_flight": CLAIMED}
    execute(store, _LOADED.format(data=DATA, **given))
    execute(store, "vacuum analyze")
    return store


def _claim_ms(store: str) -> float:
    """Each is rolled back, so that all find the same."""
    seen = []
    with psycopg.connect(in_role(store, "service_role")) as conn:
        for _ in range(20):
            begin = time.perf_counter()
            found = conn.execute(f"select * from dbkit.claim_deliveries('b', {CLAIMED})").fetchall()
            seen.append((time.perf_counter() - begin) * 1000)
            conn.rollback()
            if len(found) != CLAIMED:
                raise RuntimeError(f"{len(found)} deliveries were claimed")
    return statistics.median(seen)


# --- an idle worker --------------------------------------------------------------------------


def idle(plan: Plan) -> list[Figure]:
    seconds = plan.seconds * 10
    plan.say(f"webhooks: a worker that has nothing to do, {seconds} s")
    store = create_store(plan.url, "webhooks_idle")
    execute(store, "alter database webhooks_idle set log_statement = 'all'")
    log = Path(_text(store, "select current_setting('data_directory')")).parent / "postgres.log"
    _subscribe(store, "http://127.0.0.1:9/")
    with worker(store) as process:
        _until(lambda: number(store, _BEATS) > 0, "the worker does not show itself")
        time.sleep(2)
        begin, spent, read = time.monotonic(), _cpu_seconds(process.pid), log.stat().st_size
        time.sleep(seconds)
        took, spent = time.monotonic() - begin, _cpu_seconds(process.pid) - spent
        logged = log.read_bytes()[read:].decode()
    percent, queries = 100 * spent / took, len(statements(logged, "webhooks_idle")) / took
    return [
        Figure("webhooks", "idle worker, of a core", 1, "%", percent, None, 1, "below"),
        Figure("webhooks", "idle worker, queries", 1, "/s", queries, None, 2, "at most"),
    ]


_BEATS = "select count(*) from dbkit.workers"


def _text(store: str, query: str) -> str:
    with psycopg.connect(store) as conn:
        return str(conn.execute(query.encode()).fetchall()[0][0])


def _cpu_seconds(pid: int) -> float:
    """Of a process, from Linux: OSError elsewhere."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def statements(log: str, database: str) -> list[str]:
    """What was executed in a database, by the server's log; begin and commit are no queries."""
    lines = re.findall(rf"@{database} LOG:  (?:statement|execute [^:]*): *(.*)", log, re.IGNORECASE)
    return [line for line in lines if not re.match(r"(begin|commit|rollback)\b", line, re.I)]
