"""Consumers: an effect in the acknowledging transaction happens once, whatever becomes of them."""

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest

from dbkit import AsyncDatabase, AsyncTransaction, Database, Transaction, errors
from dbkit.calls import events as calls
from dbkit.consumers import (
    Failed,
    LeasedBatch,
    aconsume,
    arun_consumer,
    consume,
    run_consumer,
    this_process,
)
from dbkit.events import Poll, StoredEvent
from tests.events.groups import append, blocked, claim, letters, opened, register, status
from tests.events.projections import wait_for_lock
from tests.helpers import Connection, connect, one, rows

QUICK = Poll(first_seconds=0.01, longest_seconds=0.05)

EFFECT = "insert into public.effects (position, stream, version) values (%s, %s, %s)"
"""The key refuses an effect that happens twice, and so ends the test."""


@pytest.fixture
def conn(database: str) -> Iterator[Connection]:
    with opened(database) as conn:
        conn.execute(
            """create table public.effects (
              nth bigint generated always as identity, position bigint primary key,
              stream text not null, version bigint not null)"""
        )
        conn.execute("grant all on public.effects to service_role")
        conn.execute("grant usage on schema public to service_role")
        yield conn


def effects(conn: Connection) -> list[int]:
    return [r["position"] for r in rows(conn, "select position from public.effects order by nth")]


def values(event: StoredEvent) -> tuple[int, str, int]:
    return event.position, event.aggregate_id, event.version


# --- both kinds in one form ------------------------------------------------------------------

Act = Callable[[StoredEvent], object]
"""What a handler does besides its effect: raises, stops, waits."""


@dataclass
class Ran:
    """How a consumer is started, and what it said."""

    url: str
    group: str = "g"
    act: Act = lambda event: None
    once: bool = True
    limit: int = 100
    lease_seconds: int = 60
    consumer: str | None = None
    seen: list[int] = field(default_factory=list)
    failed: list[tuple[int, str, str]] = field(default_factory=list)

    def on_failure(self, event: StoredEvent, error: Exception, failed: Failed) -> None:
        self.failed.append((event.position, str(error), failed.decision))

    def options(self) -> dict[str, Any]:
        return {
            "consumer": self.consumer,
            "limit": self.limit,
            "lease_seconds": self.lease_seconds,
            "poll": QUICK,
            "once": self.once,
            "on_failure": self.on_failure,
            "role": "service_role",
        }

    def run(self, stop: threading.Event | None = None) -> int:
        def handler(tx: Transaction, event: StoredEvent) -> None:
            self.seen.append(event.position)
            tx.connection.execute(EFFECT, values(event))
            self.act(event)

        with Database(self.url, max_size=4) as db:
            return run_consumer(db, self.group, handler, stop=stop, **self.options())


class AsyncRan(Ran):
    """The same on asyncio."""

    def run(self, stop: threading.Event | None = None) -> int:
        return asyncio.run(self.main(stop))

    async def main(self, stop: threading.Event | None) -> int:
        ended = asyncio.Event()

        async def handler(tx: AsyncTransaction, event: StoredEvent) -> None:
            self.seen.append(event.position)
            await tx.connection.execute(EFFECT, values(event))
            await asyncio.to_thread(self.act, event)
            if stop and stop.is_set():
                ended.set()

        async with AsyncDatabase(self.url, max_size=4) as db:
            watching = asyncio.create_task(_forward(stop, ended)) if stop else None
            done = await arun_consumer(db, self.group, handler, stop=ended, **self.options())
            if watching:
                watching.cancel()
            return done


async def _forward(stop: threading.Event, ended: asyncio.Event) -> None:
    await asyncio.to_thread(stop.wait, 60)
    ended.set()


both = pytest.mark.parametrize("kind", [Ran, AsyncRan])
Kind = type[Ran]


# --- handlers --------------------------------------------------------------------------------


@both
def test_each_event_has_its_effect_once_and_in_order(conn: Connection, kind: Kind) -> None:
    there = append(conn, "a", 25)
    register(conn)
    ran = kind(conn_url(conn), limit=10)
    assert ran.run() == 25
    assert effects(conn) == ran.seen == there
    assert kind(conn_url(conn)).run() == 0


@both
def test_an_event_that_fails_is_undone_alone(conn: Connection, kind: Kind) -> None:
    there = append(conn, "a", 10)
    register(conn)

    def act(event: StoredEvent) -> None:
        if event.position == there[4]:
            raise ValueError("no \0 such thing")

    ran = kind(conn_url(conn), act=act)
    assert ran.run() == 4
    assert effects(conn) == there[:4]
    assert ran.failed == [(there[4], "no \0 such thing", "retry")]
    found = status(conn)
    assert (found["failed_position"], found["failures"]) == (there[4], 1)
    assert found["last_error"] == "ValueError: no  such thing"
    assert found["leased_by"] is None


@both
@pytest.mark.parametrize("policy", ["dead_letter", "block", "halt"])
def test_a_poison_event_under_each_policy(conn: Connection, kind: Kind, policy: str) -> None:
    bad = append(conn, "bad", 1)
    good = append(conn, "good", 2)
    rest = append(conn, "bad", 1)
    register(conn, poison_policy=policy, max_failures=1)

    def act(event: StoredEvent) -> None:
        if event.position in bad:
            raise ValueError("poison")

    ran = kind(conn_url(conn), act=act)
    ran.run()
    decided = {"dead_letter": "dead_letter", "block": "blocked", "halt": "halted"}[policy]
    assert ran.failed == [(bad[0], "poison", decided)]
    expected = {"dead_letter": good + rest, "block": good, "halt": []}[policy]
    assert effects(conn) == expected
    assert letters(conn) == ({bad[0]: "open"} if policy == "dead_letter" else {})
    assert blocked(conn) == (["bad"] if policy == "block" else [])
    # Mended, and let go on.
    statement = {
        "dead_letter": "select dbkit.requeue_dead_letters(array(select dead_letter_id"
        " from dbkit.event_dead_letters))",
        "block": "select dbkit.unblock_stream('g', 'counter', 'bad')",
        "halt": "select dbkit.resume_consumer_group('g')",
    }[policy]
    one(conn, statement)
    kind(conn_url(conn)).run()
    assert sorted(effects(conn)) == sorted(bad + good + rest)


@both
def test_what_the_database_disturbs_is_no_failure_of_the_event(
    conn: Connection, kind: Kind
) -> None:
    """All of the batch comes again at once."""
    there = append(conn, "a", 5)
    register(conn, max_failures=1)
    disturbed = [there[2]]

    def act(event: StoredEvent) -> None:
        if event.position in disturbed:
            disturbed.clear()
            raise psycopg.errors.DeadlockDetected

    ran = kind(conn_url(conn), act=act, once=True)
    assert ran.run() == 5
    assert ran.seen == there[:3] + there
    assert effects(conn) == there
    assert ran.failed == []
    assert status(conn)["halted_at"] is None


@both
def test_it_stops_after_the_event_in_hand_and_gives_back_the_rest(
    conn: Connection, kind: Kind
) -> None:
    there = append(conn, "a", 10)
    register(conn)
    stop = threading.Event()

    def act(event: StoredEvent) -> None:
        if event.position == there[2]:
            stop.set()

    assert kind(conn_url(conn), act=act, once=False).run(stop) == 3
    assert effects(conn) == there[:3]
    batch = claim(conn)
    assert batch is not None and batch.positions == there[3:]


@both
def test_idle_it_stops_at_once(conn: Connection, kind: Kind) -> None:
    register(conn)
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(kind(conn_url(conn), once=False).run, stop)
        (there,) = append(conn)
        while effects(conn) != [there]:
            assert not running.done(), running.result()
        stop.set()
        assert running.result(10) == 1


@both
def test_a_lease_is_extended_for_as_long_as_the_work_takes(conn: Connection, kind: Kind) -> None:
    append(conn, "a", 2)
    register(conn)
    began: list[Any] = []

    def act(event: StoredEvent) -> None:
        """Until the lease ends later than it first did, twice; then until that has passed."""
        began.append(status(conn)["leased_until"])
        until = time.monotonic() + 20
        while status(conn)["leased_until"] <= began[0]:
            assert time.monotonic() < until, "the lease is not extended"
        while one(conn, "select clock_timestamp() <= %s", began[0]):
            pass
        assert claim(conn, consumer="other") is None

    ran = kind(conn_url(conn), act=act, lease_seconds=1)
    assert ran.run() == 2
    assert len(effects(conn)) == 2


@both
def test_whoever_lost_the_lease_rolls_back_and_goes_on(conn: Connection, kind: Kind) -> None:
    there = append(conn, "a", 3)
    register(conn)
    thieves: list[int] = []

    def act(event: StoredEvent) -> None:
        if not thieves:
            thieves.append(1)
            one(conn, "select dbkit.reset_consumer_group('g', 0)")

    ran = kind(conn_url(conn), act=act)
    assert ran.run() == 3
    assert ran.seen == there + there
    assert effects(conn) == there


@both
def test_an_unknown_group_is_said_at_once(conn: Connection, kind: Kind) -> None:
    with pytest.raises(errors.UnknownConsumerGroup):
        kind(conn_url(conn), group="nothing").run()


def test_an_interrupt_rolls_back_and_gives_the_batch_back(conn: Connection) -> None:
    there = append(conn, "a", 3)
    register(conn)

    def act(event: StoredEvent) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Ran(conn_url(conn), act=act).run()
    assert effects(conn) == []
    batch = claim(conn)
    assert batch is not None and batch.positions == there


def test_a_cancelled_task_rolls_back_and_gives_the_batch_back(conn: Connection) -> None:
    there = append(conn, "a", 3)
    register(conn)

    async def main() -> None:
        reached = asyncio.Event()

        async def handler(tx: AsyncTransaction, event: StoredEvent) -> None:
            await tx.connection.execute(EFFECT, values(event))
            reached.set()
            await asyncio.Event().wait()

        async with AsyncDatabase(conn_url(conn)) as db:
            task = asyncio.create_task(arun_consumer(db, "g", handler, role="service_role"))
            await reached.wait()
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()

    asyncio.run(main())
    assert effects(conn) == []
    batch = claim(conn)
    assert batch is not None and batch.positions == there


def test_a_server_process_that_is_ended_in_the_work_costs_no_effect(conn: Connection) -> None:
    """The connection breaks; what it did is rolled back, and comes again."""
    there = append(conn, "a", 5)
    register(conn)
    killed: list[int] = []

    def handler(tx: Transaction, event: StoredEvent) -> None:
        tx.connection.execute(EFFECT, values(event))
        if event.position == there[2] and not killed:
            killed.append(tx.connection.info.backend_pid)
            one(conn, "select pg_terminate_backend(%s)", killed[0])

    with Database(conn_url(conn), max_size=4) as db:
        done = run_consumer(db, "g", handler, once=True, poll=QUICK, role="service_role")
    assert done == 5
    assert effects(conn) == there


def conn_url(conn: Connection) -> str:
    info = conn.info
    password = f":{info.password}" if info.password else ""
    return f"postgresql://{info.user}{password}@{info.host}:{info.port}/{info.dbname}"


# --- batches ---------------------------------------------------------------------------------


def test_batches_are_acknowledged_in_a_transaction_of_ones_own(conn: Connection) -> None:
    there = append(conn, "a", 25)
    register(conn)
    with Database(conn_url(conn)) as db:
        sizes = []
        for batch in consume(db, "g", limit=10, once=True, role="service_role"):
            with db.transaction(role="service_role") as tx:
                for event in batch.events:
                    tx.connection.execute(EFFECT, values(event))
                assert tx.run(batch.ack()) == 0
            sizes.append(len(batch.events))
    assert sizes == [10, 10, 5]
    assert effects(conn) == there


def test_async_batches_too(conn: Connection) -> None:
    there = append(conn, "a", 25)
    register(conn)

    async def main() -> None:
        async with AsyncDatabase(conn_url(conn)) as db:
            async for batch in aconsume(db, "g", limit=10, once=True, role="service_role"):
                async with db.transaction(role="service_role") as tx:
                    for event in batch.events:
                        await tx.connection.execute(EFFECT, values(event))
                    await tx.run(batch.ack())

    asyncio.run(main())
    assert effects(conn) == there


def test_a_part_can_be_acknowledged_and_an_event_failed(conn: Connection) -> None:
    there = append(conn, "a", 5)
    register(conn)
    with Database(conn_url(conn)) as db:
        batch = first(db)
        assert batch.leased_until.timestamp() > time.time()
        assert db.run(batch.ack(batch.events[1])) == 3
        assert db.run(batch.extend(90)) is not None
        failed = db.run(batch.fail(batch.events[2], "bad"))
        assert (failed.decision, failed.failures) == ("retry", 1)
        with pytest.raises(errors.LeaseLost):
            db.run(batch.ack())
    assert status(conn)["position"] == there[1]


def first(db: Database) -> LeasedBatch:
    """The next batch, whose lease is kept: its generator is never closed."""
    consumer = consume(db, "g", once=True)
    _kept.append(consumer)
    return next(consumer)


_kept: list[object] = []


@pytest.mark.parametrize("how", ["break", "raise"])
def test_who_leaves_the_loop_gives_the_batch_back(conn: Connection, how: str) -> None:
    there = append(conn, "a", 3)
    register(conn)

    def leave(db: Database) -> None:
        for batch in consume(db, "g"):
            assert len(batch.events) == 3
            if how == "break":
                break
            raise ValueError("out")

    with Database(conn_url(conn)) as db:
        if how == "break":
            leave(db)
        else:
            with pytest.raises(ValueError, match="out"):
                leave(db)
        batch = claim(conn, consumer="other")
        assert batch is not None and batch.positions == there


def test_who_leaves_an_async_loop_too(conn: Connection) -> None:
    there = append(conn, "a", 3)
    register(conn)

    async def main() -> None:
        async with AsyncDatabase(conn_url(conn)) as db, aclosing(aconsume(db, "g")) as batches:
            async for _ in batches:
                break

    asyncio.run(main())
    batch = claim(conn)
    assert batch is not None and batch.positions == there


def test_what_was_acknowledged_before_leaving_stays_so(conn: Connection) -> None:
    append(conn, "a", 3)
    register(conn)
    with Database(conn_url(conn)) as db:
        for batch in consume(db, "g"):
            db.run(batch.ack())
            break
    assert claim(conn) is None


def test_a_consumer_has_a_name(conn: Connection) -> None:
    append(conn)
    register(conn)
    assert this_process().endswith(f":{os.getpid()}")
    with Database(conn_url(conn)) as db:
        first(db)
        assert status(conn)["leased_by"] == this_process()


def test_batches_stop(conn: Connection) -> None:
    register(conn)
    stop = threading.Event()
    with Database(conn_url(conn)) as db, ThreadPoolExecutor(1) as pool:
        running = pool.submit(list, consume(db, "g", stop=stop, poll=QUICK))
        assert not running.done()
        stop.set()
        assert running.result(10) == []

    async def main() -> list[LeasedBatch]:
        ended = asyncio.Event()
        ended.set()
        async with AsyncDatabase(conn_url(conn)) as db:
            return [batch async for batch in aconsume(db, "g", stop=ended)]

    assert asyncio.run(main()) == []


def test_a_claim_whose_answer_was_lost_is_sent_again(conn: Connection) -> None:
    """A lease that nobody knows of ends by itself, so it can do no harm."""
    there = append(conn, "a", 2)
    register(conn, partitions=1)
    with connect(conn_url(conn)) as blocker, Database(conn_url(conn), max_size=2) as db:
        db.run(calls.get_consumer_group_status("g"))
        blocker.execute("lock table dbkit.event_consumer_partitions")
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(first, db)
            pid = waiting_pid(conn)
            wait_for_lock(conn, pid)
            one(conn, "select pg_terminate_backend(%s)", pid)
            blocker.rollback()
            assert [e.position for e in running.result(30).events] == there


def waiting_pid(conn: Connection) -> int:
    statement = """select pid from pg_stat_activity where datname = current_database()
      and query like '%%claim_events%%' and pid <> pg_backend_pid() and wait_event_type = 'Lock'"""
    until = time.monotonic() + 10
    while not (found := rows(conn, statement)):
        assert time.monotonic() < until, "nobody claims"
    return int(found[0]["pid"])


# --- several ---------------------------------------------------------------------------------


@both
def test_consumers_share_the_partitions_as_they_come_and_go(conn: Connection, kind: Kind) -> None:
    register(conn, partitions=4)
    total = 0

    def appended(count: int) -> None:
        nonlocal total
        for n in range(count):
            append(conn, f"s{n % 12}")
        total += count

    def wait_until_done() -> None:
        until = time.monotonic() + 60
        while len(effects(conn)) < total:
            assert time.monotonic() < until

    consumers = [kind(conn_url(conn), once=False, limit=3, consumer=f"c{n}") for n in range(3)]
    stops = [threading.Event() for _ in consumers]
    with ThreadPoolExecutor(3) as pool:
        appended(24)
        running = [pool.submit(consumers[0].run, stops[0])]
        wait_until_done()
        assert len(consumers[0].seen) == 24
        running += [pool.submit(c.run, s) for c, s in zip(consumers[1:], stops[1:], strict=True)]
        until = time.monotonic() + 60
        while not all(each.seen for each in consumers[1:]):
            appended(12)
            wait_until_done()
            assert time.monotonic() < until, "the new ones get nothing"
        stops[0].set()
        running[0].result(20)
        appended(24)
        wait_until_done()
        for stop in stops:
            stop.set()
        assert sum(each.result(20) for each in running) == total
    found = rows(conn, "select stream, version from public.effects order by nth")
    for stream in {r["stream"] for r in found}:
        versions = [r["version"] for r in found if r["stream"] == stream]
        assert versions == list(range(1, len(versions) + 1))
