"""What dbkit's typed calls cost in Python, against psycopg's own INSERT and COPY.

Clients are processes, for both alike; they live through all rounds and begin each together.
"""

from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.pool import Pool
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

from benchmarks.events_stores import ORGANIZATION, PAYLOAD, Plan, execute, in_role
from benchmarks.figures import Figure
from benchmarks.pgbench import take_turns
from dbkit.call import Call
from dbkit.calls.events import AppendEventResult, append_event

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier

BATCH = 100

_COLUMNS = (
    "version, created_at, event_id, schema_version, organization_id, aggregate_type, aggregate_id,"
    " event_type, event_data, metadata"
)
_INSERT = (
    f"insert into bench.events ({_COLUMNS})"
    " values (%s, clock_timestamp(), %s, 1, %s, %s, %s, %s, %s, %s)"
)
_COPY = (
    "copy bench.events (version, event_id, organization_id, aggregate_type, aggregate_id,"
    " event_type, event_data, metadata) from stdin"
)
_DEFAULTS = """
alter table bench.events alter created_at set default clock_timestamp(),
  alter schema_version set default 1;
"""

Step = Callable[[int], object]
"""Appends to the client's stream, which has so many events."""


@dataclass(frozen=True)
class Job:
    """What one client does for some seconds."""

    way: str
    url: str
    stream: str
    seconds: float


_barrier: Barrier | None = None


def _settle(barrier: Barrier) -> None:
    global _barrier
    _barrier = barrier


def work(job: Job) -> float:
    """Transactions a second of one client."""
    with psycopg.connect(job.url, autocommit=True) as conn:
        begin, per_step = _WAYS[job.way]
        step, end = begin(conn, job)
        try:
            for number in range(10):
                step(number * per_step)
            return _timed(step, per_step, job.seconds)
        finally:
            end()


def _timed(step: Step, per_step: int, seconds: float) -> float:
    if _barrier is not None:
        _barrier.wait(60)  # one that failed leaves the others waiting
    done, begin = 10, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        step(done * per_step)
        done += 1
    return (done - 10) / (time.perf_counter() - begin)


_Connection = psycopg.Connection[tuple[Any, ...]]
_Begun = tuple[Step, Callable[[], object]]


def _nothing() -> None:
    pass


def _append(job: Job, version: int) -> Call[AppendEventResult]:
    return append_event(
        "order",
        job.stream,
        "OrderPlaced",
        PAYLOAD,
        expected_version=version,
        event_id=uuid4(),
    )


def _typed(conn: _Connection, job: Job) -> _Begun:
    def step(version: int) -> object:
        return _append(job, version).run(conn)

    return step, _nothing


def _typed_database(conn: _Connection, job: Job) -> _Begun:
    from dbkit.database import Database

    database = Database(job.url)

    def step(version: int) -> object:
        return database.run(_append(job, version))

    return step, database.close


def _row(job: Job, version: int) -> tuple[object, ...]:
    return (
        version + 1,
        uuid4(),
        ORGANIZATION,
        "order",
        job.stream,
        "OrderPlaced",
        Jsonb(PAYLOAD),
        Jsonb({}),
    )


def _insert(conn: _Connection, job: Job) -> _Begun:
    return lambda version: conn.execute(_INSERT, _row(job, version)), _nothing


def _insert_pooled(conn: _Connection, job: Job) -> _Begun:
    pool = ConnectionPool(job.url, kwargs={"autocommit": True}, open=True, min_size=1)

    def step(version: int) -> object:
        with pool.connection() as pooled, pooled.transaction():
            return pooled.execute(_INSERT, _row(job, version))

    return step, pool.close


def _typed_batch(conn: _Connection, job: Job) -> _Begun:
    from dbkit.calls.events import append_events

    def step(version: int) -> object:
        events: list[Any] = [
            {"event_id": str(uuid4()), "event_type": "OrderPlaced", "event_data": PAYLOAD}
            for _ in range(BATCH)
        ]
        return append_events("order", job.stream, events, version).run(conn)

    return step, _nothing


def _copy(conn: _Connection, job: Job) -> _Begun:
    def step(version: int) -> object:
        with conn.cursor() as cursor, cursor.copy(_COPY) as copy:
            for number in range(BATCH):
                copy.write_row(
                    (
                        str(version + number + 1),
                        str(uuid4()),
                        ORGANIZATION,
                        "order",
                        job.stream,
                        "OrderPlaced",
                        json.dumps(PAYLOAD),
                        "{}",
                    )
                )
        return None

    return step, _nothing


def _insert_batch(conn: _Connection, job: Job) -> _Begun:
    head, values = _INSERT.split(" values ")
    statement = f"{head} values {', '.join([values] * BATCH)}".encode()

    def step(version: int) -> object:
        rows = [_row(job, version + number) for number in range(BATCH)]
        return conn.execute(statement, [value for row in rows for value in row])

    return step, _nothing


_WAYS: dict[str, tuple[Callable[[_Connection, Job], _Begun], int]] = {
    "typed call": (_typed, 1),
    "INSERT": (_insert, 1),
    "Database.run": (_typed_database, 1),
    "pool and transaction": (_insert_pooled, 1),
    "append_events": (_typed_batch, BATCH),
    "COPY": (_copy, BATCH),
    "INSERT of 100 rows": (_insert_batch, BATCH),
}


def _race(plan: Plan, url: str, ways: list[str], clients: int) -> dict[str, float]:
    spawn = multiprocessing.get_context("spawn")
    barrier = spawn.Barrier(clients)
    with spawn.Pool(clients, _settle, (barrier,)) as pool:
        return take_turns(
            ways, lambda way, _: _together(pool, plan, url, way, clients), rounds=plan.rounds
        )


def _together(pool: Pool, plan: Plan, url: str, way: str, clients: int) -> float:
    jobs = [Job(way, url, f"python-{uuid4()}", plan.seconds) for _ in range(clients)]
    return sum(pool.map(work, jobs, chunksize=1))


def singles(plan: Plan, store: str) -> list[Figure]:
    figures = []
    url = in_role(store, "service_role")
    pairs = (("typed call", "INSERT"), ("Database.run", "pool and transaction"))
    for clients in (1, 8):
        plan.say(f"events: from Python, one event a transaction, {clients} clients")
        tps = _race(plan, url, [way for pair in pairs for way in pair], clients)
        for ours, theirs in pairs:
            title = f"append_event by {ours} / psycopg's {theirs}"
            target = 0.8 if theirs == "INSERT" else None
            figures.append(Figure("python", title, clients, "tps", tps[ours], tps[theirs], target))
    return figures


def batches(plan: Plan, store: str) -> list[Figure]:
    execute(store, _DEFAULTS)
    plan.say(f"events: {BATCH} events a transaction, 1 client")
    ours = "append_events"
    others = {"COPY": 0.8, "INSERT of 100 rows": None}
    tps = _race(plan, in_role(store, "service_role"), [ours, *others], 1)
    return [
        Figure("batch", f"{ours} of {BATCH} / {way}", 1, "tps", tps[ours], tps[way], target)
        for way, target in others.items()
    ]
