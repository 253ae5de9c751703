"""Streams, decisions under real conflicts, and readers that skip nothing; sync and async alike."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

import psycopg
import pytest

from dbkit import AsyncDatabase, Database, OutcomeUnknown, RequestContext, Retry, errors
from dbkit.call import Call
from dbkit.calls import events as calls
from dbkit.codec import scalar
from dbkit.events import (
    Appended,
    Batch,
    Decider,
    Decision,
    Event,
    Loaded,
    Poll,
    Stream,
    adecide,
    afollow,
    data_of,
    decide,
    follow,
    new_event_id,
)
from tests.events.parts import BANK
from tests.helpers import connect, one, rows

T = TypeVar("T")

MARK = "select pg_advisory_lock_shared((17474::bigint << 48) | %s)"
"""What an append takes that read the newest position before, and draws its own later."""


@dataclass(frozen=True)
class Account:
    balance: int


@dataclass(frozen=True)
class Moved:
    amount: int
    note: str | None = None


ACCOUNT = Stream("account", "1", Account)


def moved(amount: int) -> Event:
    return Event("Moved", Moved(amount))


def deposit(_: Account | None) -> list[Event]:
    return [moved(1)]


@pytest.fixture
def url(database: str) -> str:
    with connect(database, autocommit=True) as conn:
        conn.execute(BANK.encode())
    return database


@pytest.fixture
def db(url: str) -> Iterator[Database]:
    with Database(url, max_size=2) as db:
        yield db


@dataclass
class Pauses:
    """A Retry that does not wait, and what it was asked to wait."""

    seconds: list[float] = field(default_factory=list[float])

    async def sleep(self, seconds: float) -> None:
        self.seconds.append(seconds)

    def retry(self, attempts: int) -> Retry:
        return Retry(attempts, 0.01, 0.04, lambda: 1.0, self.seconds.append, self.sleep)


@dataclass(frozen=True)
class Way:
    """`decide` and `follow`, or their asynchronous kin run to their end."""

    is_async: bool

    def decide(
        self, url: str, decider: Decider[Account], retry: Retry, stream: Stream[Account] = ACCOUNT
    ) -> Decision[Account]:
        if not self.is_async:
            with Database(url) as db:
                return decide(db, stream, decider, retry=retry)

        async def main() -> Decision[Account]:
            async with AsyncDatabase(url) as db:
                return await adecide(db, stream, decider, retry=retry)

        return asyncio.run(main())

    def follow(self, url: str, **options: Any) -> list[Batch]:
        """All there is, up to now."""
        if not self.is_async:
            with Database(url) as db:
                return list(follow(db, once=True, **options))

        async def main() -> list[Batch]:
            async with AsyncDatabase(url) as db:
                return [batch async for batch in afollow(db, once=True, **options)]

        return asyncio.run(main())


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def way(request: pytest.FixtureRequest) -> Way:
    return Way(request.param)


def append(url: str, *amounts: int, aggregate_id: str = "1", kind: str = "Moved") -> int:
    """Position of the last of some events, committed one by one."""
    position = 0
    with connect(url, autocommit=True) as conn:
        for amount in amounts:
            call = calls.append_event("account", aggregate_id, kind, {"amount": amount})
            position = call.run(conn).position
    return position


def amounts(batches: list[Batch]) -> list[int]:
    return [data_of(event, Moved).amount for batch in batches for event in batch.events]


# --- streams -----------------------------------------------------------------------------------


def test_a_stream_is_loaded_and_appended_to_at_the_version_that_was_read(db: Database) -> None:
    new = db.run(ACCOUNT.load())
    assert new == Loaded(ACCOUNT, None, 0)
    assert db.run(new.append(moved(5), moved(-2))).last_version == 2
    loaded = db.run(ACCOUNT.load())
    assert loaded == Loaded(ACCOUNT, Account(3), 2)
    assert db.run(loaded.append(moved(1))).last_version == 3
    with pytest.raises(errors.StreamConflict) as caught:
        db.run(loaded.append(moved(1)))
    assert (caught.value.detail["expected_version"], caught.value.detail["actual_version"]) == (
        2,
        3,
    )
    with pytest.raises(errors.StreamConflict):
        db.run(new.append(moved(1)))


def test_a_state_can_be_a_dict(db: Database) -> None:
    as_dict = Stream("account", "1", dict)
    db.run(as_dict.append(moved(5)))
    assert db.run(as_dict.load()).state == {"balance": 5}


def test_a_state_that_is_another_type_is_said(db: Database) -> None:
    @dataclass(frozen=True)
    class Other:
        balance: str

    db.run(ACCOUNT.append(moved(5)))
    with pytest.raises(errors.UnexpectedAnswer, match="balance"):
        db.run(Stream("account", "1", Other).load())


def test_streams_belong_to_the_organization_of_the_context(db: Database) -> None:
    one_, other = RequestContext(organization_id="one"), RequestContext(organization_id="other")
    decide(db, ACCOUNT, deposit, context=one_, role="authenticated")
    assert db.run(ACCOUNT.load(), context=one_, role="authenticated").version == 1
    assert db.run(ACCOUNT.load(), context=other, role="authenticated").version == 0


def test_a_stored_event_has_python_types(db: Database) -> None:
    given = Event("Priced", {"price": Decimal("1.10"), "big": 2**60, "tags": ["a"]}, {"ip": "::1"})
    db.run(Stream("product", "1", dict).append(given))
    (event,) = db.run(calls.get_events("product", "1"))
    assert event.event_data == {"price": Decimal("1.10"), "big": 2**60, "tags": ["a"]}
    assert event.metadata == {"ip": "::1"}
    assert event.event_id == given.event_id
    found = (event.event_id, event.position, event.version, event.event_data, event.created_at)
    assert list(map(type, found)) == [UUID, int, int, dict, datetime]
    assert event.created_at.tzinfo is not None
    assert (event.correlation_id, event.hash) == (None, None)


def test_what_a_dataclass_leaves_out_is_absent(db: Database) -> None:
    db.run(ACCOUNT.append(moved(5), Event("Moved", Moved(1, "tip"), schema_version=1)))
    first, second = db.run(calls.get_events("account", "1"))
    assert first.event_data == {"amount": 5}
    assert data_of(second, Moved) == Moved(1, "tip")
    with pytest.raises(errors.UnexpectedAnswer, match=r"Moved at \d+: .*balance"):
        data_of(second, Account)


def test_event_ids_are_ordered_by_time() -> None:
    ids = [new_event_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert {(each.version, each.variant) for each in ids} == {(7, "specified in RFC 4122")}
    stamps = [each.int >> 80 for each in ids]
    assert stamps == sorted(stamps)


# --- decisions ---------------------------------------------------------------------------------


def test_a_decision_says_what_it_did(way: Way, url: str) -> None:
    append(url, 5)
    done = way.decide(url, lambda state: [moved(state.balance if state else 0)], Retry())
    assert (done.state, done.version, done.attempts) == (Account(5), 2, 1)
    assert [event.event_data for event in done.events] == [Moved(5)]
    assert [batch.position for batch in way.follow(url)] == [done.position]


def test_nothing_to_do_appends_nothing(way: Way, url: str) -> None:
    append(url, 5)
    done = way.decide(url, lambda _: [], Retry())
    assert done == Decision(Account(5), (), 1, None, 1)


def test_decides_again_on_the_newer_state_after_a_conflict(way: Way, url: str) -> None:
    seen: list[Account | None] = []
    pauses = Pauses()

    def decider(state: Account | None) -> list[Event]:
        seen.append(state)
        if len(seen) < 4:
            append(url, 10)
        return [moved(-1)]

    done = way.decide(url, decider, pauses.retry(attempts=4))
    assert seen == [None, Account(10), Account(20), Account(30)]
    assert (done.version, done.attempts) == (4, 4)
    assert pauses.seconds == [0.01, 0.02, 0.04]
    assert amounts(way.follow(url)) == [10, 10, 10, -1]


def test_gives_up_after_the_last_attempt(way: Way, url: str) -> None:
    pauses = Pauses()

    def decider(_: Account | None) -> list[Event]:
        append(url, 10)
        return [moved(-1)]

    with pytest.raises(errors.StreamConflict):
        way.decide(url, decider, pauses.retry(attempts=2))
    assert pauses.seconds == [0.01]
    assert amounts(way.follow(url)) == [10, 10]


@pytest.mark.parametrize("error", [KeyError, errors.InvalidEvent])
def test_no_other_error_is_tried_again(way: Way, url: str, error: type[Exception]) -> None:
    calls_of: list[None] = []

    def decider(_: Account | None) -> list[Event]:
        calls_of.append(None)
        if error is KeyError:
            raise KeyError
        return [Event("", {})]

    with pytest.raises(error):
        way.decide(url, decider, Pauses().retry(attempts=5))
    assert len(calls_of) == 1


def test_writers_of_one_stream_lose_nothing_and_break_no_rule(way: Way, url: str) -> None:
    """Eight at once take 1 from a balance of 30: it never goes below zero, whoever comes when."""
    append(url, 30)
    retry = Retry(attempts=200, first_seconds=0.001, longest_seconds=0.01)

    def take(state: Account | None) -> list[Event]:
        return [moved(-1)] if state and state.balance > 0 else []

    def writer(_: int) -> int:
        return sum(bool(way.decide(url, take, retry).events) for _ in range(6))

    with ThreadPoolExecutor(8) as pool:
        taken = sum(pool.map(writer, range(8)))
    assert taken == 30
    with connect(url) as conn:
        versions = [row["version"] for row in rows(conn, "select version from event_store")]
    assert sorted(versions) == list(range(1, 32))


class LosesTheAnswer(Database):
    """The server commits an append, and the connection breaks before it can say so, once."""

    lost = 0

    def _once(self, attempts: Any, call: Call[T], *rest: Any) -> T:
        answer = super()._once(attempts, call, *rest)
        if "append" in call.name and not self.lost:
            self.lost += 1
            raise psycopg.OperationalError("server closed the connection unexpectedly")
        return answer


def test_an_append_whose_answer_was_lost_is_not_done_twice(url: str) -> None:
    db = LosesTheAnswer(url, retry=Pauses().retry(attempts=2))
    with db:
        done = decide(db, ACCOUNT, deposit)
        assert db.lost == 1
    assert (done.version, done.attempts) == (1, 1)
    assert amounts(Way(False).follow(url)) == [1]


def test_without_an_id_a_lost_answer_is_not_sent_again(url: str) -> None:
    """The control: the same loss with an id that the database makes."""
    with (
        LosesTheAnswer(url, retry=Pauses().retry(attempts=2)) as db,
        pytest.raises(OutcomeUnknown),
    ):
        db.run(calls.append_event("account", "1", "Moved", {"amount": 1}))


def test_the_same_append_gives_the_first_answer_again(db: Database) -> None:
    call = ACCOUNT.append(moved(1), moved(2), expected_version=0)
    first = db.run(call)
    db.run(ACCOUNT.append(moved(3)))
    again = db.run(call)
    assert not first.replayed
    assert again == Appended(
        first_version=1,
        last_version=2,
        last_position=first.last_position,
        event_ids=first.event_ids,
        replayed=True,
    )


def test_on_a_connection_it_is_part_of_the_transaction(url: str) -> None:
    seen: list[Account | None] = []

    def decider(state: Account | None) -> list[Event]:
        seen.append(state)
        if len(seen) == 1:
            append(url, 10)
        return [moved(1)]

    with connect(url) as conn:
        conn.execute("create table bank.notes (n int)")
        assert decide(conn, ACCOUNT, decider, retry=Pauses().retry(attempts=2)).version == 2
        conn.rollback()
    assert seen == [None, Account(10)]
    assert amounts(Way(False).follow(url)) == [10]


async def test_on_an_async_connection_it_is_part_of_the_transaction(url: str) -> None:
    async with await psycopg.AsyncConnection.connect(url) as conn:
        await conn.execute("create table bank.notes (n int)")
        assert (await adecide(conn, ACCOUNT, deposit)).version == 1
        with pytest.raises(ValueError, match="transaction"):
            await adecide(conn, ACCOUNT, deposit, role="authenticated")
        await conn.rollback()
    with connect(url) as conn:
        assert one(conn, "select count(*) from event_store") == 0
        with pytest.raises(ValueError, match="transaction"):
            decide(conn, ACCOUNT, deposit, context=RequestContext(user_id="alice"))


# --- readers -----------------------------------------------------------------------------------


def test_follows_all_streams_in_batches(way: Way, url: str) -> None:
    append(url, 1, 2, 3)
    append(url, 4, 5, aggregate_id="2")
    batches = way.follow(url, limit=2)
    assert amounts(batches) == [1, 2, 3, 4, 5]
    assert [len(batch.events) for batch in batches] == [2, 2, 1]
    assert [batch.after for batch in batches] == [0, *(batch.position for batch in batches[:-1])]
    assert amounts(way.follow(url, after=batches[0].position)) == [3, 4, 5]
    assert way.follow(url, after=batches[-1].position) == []


@pytest.mark.parametrize("filters", [{}, {"aggregate_types": ["account"]}], ids=["all", "filtered"])
def test_waits_for_an_older_event_that_is_not_committed(
    way: Way, url: str, filters: dict[str, Any]
) -> None:
    before = append(url, 1)
    with connect(url) as slow:
        calls.append_event("account", "slow", "Moved", {"amount": 2}).run(slow)
        append(url, 3)
        (batch,) = way.follow(url, **filters)
        assert (amounts([batch]), batch.position) == ([1], before)
        assert way.follow(url, after=before, **filters) == []
        slow.commit()
    assert amounts(way.follow(url, after=before, **filters)) == [2, 3]


def test_a_filter_that_nothing_passes_moves_on(way: Way, url: str) -> None:
    newest = append(url, 1, 2, 3)
    (batch,) = way.follow(url, event_types=["Rare"])
    assert (batch.events, batch.position) == ([], newest)
    append(url, 4)
    rare = append(url, 5, kind="Rare")
    newest = append(url, 6)
    (batch,) = way.follow(url, event_types=["Rare"], after=batch.position)
    assert ([event.position for event in batch.events], batch.position) == ([rare], newest)
    assert way.follow(url, event_types=["Rare"], after=newest) == []


def test_filters_by_organization_and_aggregate_type(way: Way, url: str) -> None:
    append(url, 1)
    with Database(url) as db:
        there = RequestContext(organization_id="there")
        decide(db, ACCOUNT, lambda _: [moved(2)], context=there)
        db.run(Stream("product", "1", dict).append(moved(3)))
    assert amounts(way.follow(url, organization_id="there")) == [2]
    assert amounts(way.follow(url, aggregate_types=["product"])) == [3]
    assert amounts(way.follow(url)) == [1, 2, 3]


def test_a_mark_that_comes_between_its_two_questions_skips_nothing(url: str) -> None:
    """An append that read the newest position long ago takes its mark only now. It will draw a
    later position, but until it ends safe_position is lower than it was."""
    newest = append(url, 1, 2)

    class Marked(Database):
        def run(self, call: Call[T], **options: Any) -> T:
            answer = super().run(call, **options)
            if call.name == "dbkit.safe_position":
                marking.execute(MARK, [newest])
            return answer

    with connect(url, autocommit=True) as marking, Marked(url) as db:
        (batch,) = follow(db, event_types=["Moved"], once=True)
    assert (amounts([batch]), batch.position) == ([1, 2], newest)


def test_a_reader_goes_on_where_its_transactions_left_it(way: Way, url: str) -> None:
    append(url, 1, 2, 3)
    first, second = way.follow(url, reader="mailer", limit=2)
    with Database(url) as db:
        with pytest.raises(KeyError), db.transaction() as tx:
            tx.run(first.save())
            raise KeyError
        assert amounts(way.follow(url, reader="mailer")) == [1, 2, 3]
        db.run(first.save(), role="service_role")
        assert amounts(way.follow(url, reader="mailer")) == [3]
        with pytest.raises(errors.ProjectionBusy) as caught:
            db.run(first.save())
        assert caught.value.detail["actual_position"] == first.position
        db.run(second.save())
        assert way.follow(url, reader="mailer") == []


def test_a_batch_that_was_left_out_is_noticed(db: Database, url: str) -> None:
    append(url, 1, 2, 3)
    _, second = follow(db, reader="mailer", limit=2, once=True)
    with pytest.raises(errors.ProjectionBusy):
        db.run(second.save())


def test_a_reader_begins_at_its_checkpoint_only(way: Way, url: str) -> None:
    with pytest.raises(ValueError, match="reader or after"):
        way.follow(url, reader="mailer", after=1)
    append(url, 1)
    (batch,) = way.follow(url)
    with pytest.raises(ValueError, match="no reader"):
        batch.save()


def test_needs_service_role(way: Way, url: str) -> None:
    append(url, 1)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        way.follow(url, role="authenticated")
    assert amounts(way.follow(url, role="service_role")) == [1]


def test_another_isolation_level_is_refused(url: str) -> None:
    options = {"options": "-c default_transaction_isolation=repeatable\\ read"}
    with Database(url, connect_options=options) as db, pytest.raises(errors.UnsafeRead):
        next(follow(db))


def test_on_a_connection_nothing_stays_open_between_batches(url: str) -> None:
    append(url, 1, 2)
    with psycopg.connect(url) as conn:
        for batch in follow(conn, reader="mailer", limit=1, once=True):
            assert conn.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
            with conn.transaction():
                batch.save().run(conn)
    with psycopg.connect(url) as conn:
        assert calls.get_reader_checkpoint("mailer").run(conn) == batch.position


async def test_on_an_async_connection_too(url: str) -> None:
    newest = append(url, 1, 2)
    async with await psycopg.AsyncConnection.connect(url) as conn:
        async for batch in afollow(conn, reader="mailer", once=True):
            assert conn.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
            async with conn.transaction():
                await batch.save().arun(conn)
        assert await calls.get_reader_checkpoint("mailer").arun(conn) == newest


class Ticks(threading.Event):
    """Waits for nothing, notes how long it should have, and does something then."""

    def __init__(self, *steps: Callable[[], object]) -> None:
        super().__init__()
        self.steps = list(steps)
        self.seconds: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout or 0.0)
        if self.steps:
            self.steps.pop(0)()
        else:
            self.set()
        return self.is_set()


def test_looks_less_often_while_nothing_comes(db: Database, url: str) -> None:
    def nothing() -> None:
        pass

    append(url, 1)
    ticks = Ticks(nothing, nothing, nothing, lambda: append(url, 2), nothing)
    batches = list(follow(db, poll=Poll(first_seconds=0.1, longest_seconds=0.5), stop=ticks))
    assert amounts(batches) == [1, 2]
    assert ticks.seconds == [0.1, 0.2, 0.4, 0.5, 0.1, 0.2]


def test_stops_at_once_from_another_thread(db: Database, url: str) -> None:
    stop = threading.Event()
    append(url, 1)
    stream = follow(db, poll=Poll(first_seconds=600, longest_seconds=600), stop=stop)
    assert amounts([next(stream)]) == [1]
    timer = threading.Timer(0.05, stop.set)
    timer.start()
    assert list(stream) == []
    timer.join()


def test_does_not_look_at_all_once_stopped(db: Database, url: str) -> None:
    stop = threading.Event()
    append(url, 1, 2)
    batches: list[Batch] = []
    for batch in follow(db, limit=1, stop=stop):
        batches.append(batch)
        stop.set()
    assert amounts(batches) == [1]


async def collect(batches: AsyncGenerator[Batch, None], found: asyncio.Queue[Batch]) -> None:
    async for batch in batches:
        await found.put(batch)


async def test_a_cancelled_reader_ends_at_once_and_leaves_the_pool_whole(url: str) -> None:
    newest = append(url, 1)
    async with AsyncDatabase(url, max_size=1) as db:
        found: asyncio.Queue[Batch] = asyncio.Queue()
        waits = Poll(first_seconds=600, longest_seconds=600)
        reading = asyncio.create_task(collect(afollow(db, poll=waits), found))
        assert (await found.get()).position == newest
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        pid: Call[int] = Call("pid", "select pg_backend_pid()", (), scalar, True)
        assert await db.run(pid) > 0


async def test_events_come_as_they_are_appended(url: str) -> None:
    async with AsyncDatabase(url) as db:
        found: asyncio.Queue[Batch] = asyncio.Queue()
        stop = asyncio.Event()
        batches = afollow(db, poll=Poll(first_seconds=0.001, longest_seconds=0.01), stop=stop)
        reading = asyncio.create_task(collect(batches, found))
        for amount in range(5):
            await db.run(ACCOUNT.append(moved(amount)))
            assert amounts([await found.get()]) == [amount]
        stop.set()
        await reading


def test_events_that_come_meanwhile_are_read_once_each(url: str) -> None:
    """Four writers, one reader that saves: each event is there once, each stream in its order."""
    seen: list[tuple[str, int]] = []
    stop = threading.Event()

    def read() -> None:
        with Database(url) as db:
            for batch in follow(
                db, reader="all", limit=7, poll=Poll(first_seconds=0.001), stop=stop
            ):
                db.run(batch.save())
                seen.extend((event.aggregate_id, event.version) for event in batch.events)
                if len(seen) >= 160:
                    stop.set()

    def write(name: str) -> None:
        with Database(url) as db:
            for _ in range(40):
                decide(db, Stream("account", name, Account), deposit)

    with ThreadPoolExecutor(5) as pool:
        reading = pool.submit(read)
        list(pool.map(write, "abcd"))
        reading.result(60)
    assert {name: [v for n, v in seen if n == name] for name in "abcd"} == {
        name: list(range(1, 41)) for name in "abcd"
    }
