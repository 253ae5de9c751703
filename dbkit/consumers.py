"""Consumer groups: several programs share the events of all streams among them.

`consume` gives leased batches, and you acknowledge each in the transaction of what you make of it.
`run_consumer` does that around a function that takes one event. `aconsume` and `arun_consumer` are
the same on asyncio. A group is made with `dbkit.calls.events.register_consumer_group`.
"""

from __future__ import annotations

import asyncio
import datetime
import os
import socket
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TypeAlias, TypeVar

import psycopg
import psycopg_pool

from dbkit.call import Call
from dbkit.calls import events as calls
from dbkit.context import RequestContext
from dbkit.database import (
    AsyncDatabase,
    AsyncTransaction,
    Database,
    Transaction,
    lost_connection,
)
from dbkit.errors import DbkitError, LeaseLost, UnknownConsumerGroup, translate
from dbkit.events import Poll, StoredEvent, is_set_within

T = TypeVar("T")

Failed: TypeAlias = calls.FailEventResult
"""What was decided about an event that failed: retry, blocked, dead_letter or halted."""

Handler: TypeAlias = Callable[[Transaction, StoredEvent], None]
"""What `run_consumer` calls with an event and the transaction that will acknowledge it."""

AsyncHandler: TypeAlias = Callable[[AsyncTransaction, StoredEvent], Awaitable[None]]

OnFailure: TypeAlias = Callable[[StoredEvent, Exception, Failed], None]
"""Is told of each event that failed, and what was decided."""

_GONE = (LeaseLost, UnknownConsumerGroup)
_POLL = Poll()


def this_process() -> str:
    """Host and process id: how a consumer is called that was given no name."""
    return f"{socket.gethostname()}:{os.getpid()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeasedBatch:
    """The next events of one partition, which nobody else gets as long as the lease lasts."""

    group: str
    partition: int
    token: int
    leased_until: datetime.datetime
    failures: int
    """How often one of these events has failed before."""
    events: list[StoredEvent]
    """At least one."""

    def ack(self, upto: StoredEvent | None = None) -> Call[int]:
        """Acknowledge the events up to this one, all without it; how many are left then.

        Run it in the transaction of what you made of them: each has its effect exactly once.
        Raises LeaseLost when somebody else may have the batch, or it is acknowledged: roll back.
        """
        position = (upto or self.events[-1]).position
        return calls.ack_events(self.group, self.partition, self.token, position)

    def fail(self, event: StoredEvent, error: BaseException | str) -> Call[Failed]:
        """Say that an event cannot be worked at, and give the batch back; what was decided.

        Run it after the transaction that failed was rolled back. Raises LeaseLost.
        """
        text = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
        return calls.fail_event(
            self.group, self.partition, self.token, event.position, text.replace("\0", "")
        )

    def extend(self, lease_seconds: int = 60) -> Call[datetime.datetime | None]:
        """Keep the batch for so many seconds from now. None while it is being acknowledged.

        Raises LeaseLost.
        """
        call = calls.extend_lease(self.group, self.partition, self.token, lease_seconds)
        return replace(call, idempotent=True)

    def release(self) -> Call[None]:
        """Give the batch back: what is not acknowledged can be claimed at once.

        Raises LeaseLost.
        """
        return calls.release_partition(self.group, self.partition, self.token)


# --- decisions, shared by the loops of both kinds ---------------------------------------------


@dataclass
class _Consuming:
    """The decisions of one `consume`: its loops, written twice (sync and async), make none."""

    group: str
    consumer: str
    limit: int
    lease_seconds: int
    poll: Poll
    idle: int = 0
    acknowledged: int = 0

    def claim(self) -> Call[list[calls.ClaimEventsRow]]:
        """Sent again when the answer was lost: a lease that nobody knows of ends by itself."""
        call = calls.claim_events(self.group, self.consumer, self.limit, self.lease_seconds)
        return replace(call, idempotent=True)

    def take(self, rows: list[calls.ClaimEventsRow]) -> LeasedBatch | None:
        if not rows:
            self.idle += 1
            return None
        self.idle = 0
        (row,) = rows
        return LeasedBatch(
            group=self.group,
            partition=row.partition,
            token=row.token,
            leased_until=row.leased_until,
            failures=row.failures,
            events=row.events,
        )

    def pause(self) -> float:
        return min(self.poll.longest_seconds, self.poll.first_seconds * 2.0 ** min(self.idle, 30))


@dataclass
class _Work:
    """The decisions about one batch of `run_consumer`."""

    batch: LeasedBatch
    done: int = 0
    failed: tuple[StoredEvent, Exception] | None = None
    acknowledged: int = 0
    lost: bool = False
    """The lease; what is still done would be rolled back."""
    disturbed: bool = False
    """By the database, not by an event: all of the batch is to come again."""

    def fail(self, event: StoredEvent, error: Exception) -> None:
        if _says_nothing_of_the_event(error):
            raise error
        self.failed = event, error

    def ack(self) -> Call[int] | None:
        """What is done; in the transaction that did it."""
        return self.batch.ack(self.batch.events[self.done - 1]) if self.done else None

    def rolled_back(self, error: Exception) -> None:
        known = translate(error)
        self.failed = None
        if isinstance(known, _GONE):
            self.lost = True
        elif _says_nothing_of_the_event(error):
            self.disturbed = True
        else:
            raise error

    def is_to_release(self) -> bool:
        unfinished = self.acknowledged < len(self.batch.events)
        return not self.lost and self.failed is None and unfinished


def _says_nothing_of_the_event(error: Exception) -> bool:
    """Deadlock, cancelled, disk full, shut down: another attempt may well succeed."""
    if isinstance(error, psycopg_pool.PoolTimeout):
        return True
    if not isinstance(error, psycopg.Error):
        return False
    return lost_connection(error) or (error.sqlstate or "")[:2] in ("40", "53", "57", "58")


# --- batches ---------------------------------------------------------------------------------


def consume(
    database: Database,
    group: str,
    *,
    consumer: str | None = None,
    limit: int = 100,
    lease_seconds: int = 60,
    poll: Poll = _POLL,
    once: bool = False,
    stop: threading.Event | None = None,
    context: RequestContext | None = None,
    role: str | None = None,
) -> Generator[LeasedBatch, None, None]:
    """Batches of a consumer group, at most `limit` events each, as they come.

    Run `batch.ack()` in the transaction of what you make of one, or `batch.fail()` after it was
    rolled back; a batch with neither comes again when its lease has ended, and one that you leave
    the loop with, at once. Ends when `stop` is set, with `once` when nothing can be claimed. Needs
    service_role. Raises UnknownConsumerGroup, and UnsafeRead on a replica.
    """
    stop = stop or threading.Event()
    consuming = _Consuming(group, consumer or this_process(), limit, lease_seconds, poll)
    while not stop.is_set():
        batch = consuming.take(database.run(consuming.claim(), context=context, role=role))
        if batch:
            try:
                yield batch
            except GeneratorExit:
                with suppress(DbkitError, psycopg.Error):
                    database.run(batch.release(), context=context, role=role)
                raise
        elif once or stop.wait(consuming.pause()):
            return


async def aconsume(
    database: AsyncDatabase,
    group: str,
    *,
    consumer: str | None = None,
    limit: int = 100,
    lease_seconds: int = 60,
    poll: Poll = _POLL,
    once: bool = False,
    stop: asyncio.Event | None = None,
    context: RequestContext | None = None,
    role: str | None = None,
) -> AsyncGenerator[LeasedBatch, None]:
    """As `consume`, on asyncio. Use `contextlib.aclosing` when you leave its loop: an asynchronous
    generator is otherwise closed some time later, and gives its batch back only then."""
    stop = stop or asyncio.Event()
    consuming = _Consuming(group, consumer or this_process(), limit, lease_seconds, poll)
    while not stop.is_set():
        batch = consuming.take(await database.run(consuming.claim(), context=context, role=role))
        if batch:
            try:
                yield batch
            except GeneratorExit:
                with suppress(DbkitError, psycopg.Error):
                    await database.run(batch.release(), context=context, role=role)
                raise
        elif once or await is_set_within(stop, consuming.pause()):
            return


# --- handlers --------------------------------------------------------------------------------


def run_consumer(
    database: Database,
    group: str,
    handler: Handler,
    *,
    consumer: str | None = None,
    limit: int = 100,
    lease_seconds: int = 60,
    poll: Poll = _POLL,
    once: bool = False,
    stop: threading.Event | None = None,
    on_failure: OnFailure | None = None,
    context: RequestContext | None = None,
    role: str | None = None,
) -> int:
    """Call `handler(transaction, event)` for each event of a consumer group; how many were done.

    All events of a batch share a transaction, which also acknowledges them, so what the handler
    writes by it happens exactly once. An event whose handler raises is rolled back alone and
    counted as a failure; those before it are kept. The lease is extended for as long as it takes,
    on a connection of its own. Ends when `stop` is set, after the event in hand, and gives back
    what is left; with `once` when nothing can be claimed. Raises UnknownConsumerGroup, and what a
    claim raises when the database stays away.
    """
    stop = stop or threading.Event()
    run = _Run(database, context, role)
    consuming = _Consuming(group, consumer or this_process(), limit, lease_seconds, poll)
    with _keeper(run, lease_seconds) as keeper:
        while not stop.is_set():
            batch = consuming.take(run(consuming.claim()))
            if batch is None:
                if once or stop.wait(consuming.pause()):
                    break
                continue
            work = keeper.work = _Work(batch)
            _work(run, work, handler, stop)
            keeper.work = None
            consuming.acknowledged += work.acknowledged
            _settle(run, work, on_failure)
            if work.disturbed:
                stop.wait(consuming.pause())
    return consuming.acknowledged


def _work(run: _Run, work: _Work, handler: Handler, stop: threading.Event) -> None:
    try:
        with run.transaction() as transaction:
            for event in work.batch.events:
                if stop.is_set() or work.lost:
                    break
                try:
                    with transaction.connection.transaction():
                        handler(transaction, event)
                except Exception as error:
                    work.fail(event, error)
                    break
                work.done += 1
            if ack := work.ack():
                transaction.run(ack)
        work.acknowledged = work.done
    except Exception as error:
        work.rolled_back(error)
    except BaseException:
        with suppress(*_GONE):
            run(work.batch.release())
        raise


def _settle(run: _Run, work: _Work, on_failure: OnFailure | None) -> None:
    with suppress(*_GONE):
        if work.is_to_release():
            run(work.batch.release())
        elif work.failed and not work.lost:
            event, error = work.failed
            failed = run(work.batch.fail(event, error))
            if on_failure:
                on_failure(event, error, failed)


@dataclass(frozen=True)
class _Run:
    """A pool, with who asks."""

    database: Database
    context: RequestContext | None
    role: str | None

    def __call__(self, call: Call[T]) -> T:
        return self.database.run(call, context=self.context, role=self.role)

    @contextmanager
    def transaction(self) -> Generator[Transaction, None, None]:
        with self.database.transaction(context=self.context, role=self.role) as transaction:
            yield transaction


@dataclass
class _Keeper:
    """Extends the lease of what is being worked at, three times before it would end."""

    run: _Run
    lease_seconds: int
    work: _Work | None = None
    ended: threading.Event = field(default_factory=threading.Event)

    def keep(self) -> None:
        while not self.ended.wait(self.lease_seconds / 3):
            if work := self.work:
                try:
                    self.run(work.batch.extend(self.lease_seconds))
                except _GONE:
                    work.lost = True
                except (psycopg.Error, DbkitError):
                    pass  # The next attempt may succeed; if none does, the lease is lost.


@contextmanager
def _keeper(run: _Run, lease_seconds: int) -> Generator[_Keeper, None, None]:
    keeper = _Keeper(run, lease_seconds)
    thread = threading.Thread(target=keeper.keep, name="dbkit-lease", daemon=True)
    thread.start()
    try:
        yield keeper
    finally:
        keeper.ended.set()
        thread.join()


async def arun_consumer(
    database: AsyncDatabase,
    group: str,
    handler: AsyncHandler,
    *,
    consumer: str | None = None,
    limit: int = 100,
    lease_seconds: int = 60,
    poll: Poll = _POLL,
    once: bool = False,
    stop: asyncio.Event | None = None,
    on_failure: OnFailure | None = None,
    context: RequestContext | None = None,
    role: str | None = None,
) -> int:
    """As `run_consumer`, on asyncio; cancelling its task rolls back, and gives the batch back."""
    stop = stop or asyncio.Event()
    run = _AsyncRun(database, context, role)
    consuming = _Consuming(group, consumer or this_process(), limit, lease_seconds, poll)
    async with _akeeper(run, lease_seconds) as keeper:
        while not stop.is_set():
            batch = consuming.take(await run(consuming.claim()))
            if batch is None:
                if once or await is_set_within(stop, consuming.pause()):
                    break
                continue
            work = keeper.work = _Work(batch)
            await _awork(run, work, handler, stop)
            keeper.work = None
            consuming.acknowledged += work.acknowledged
            await _asettle(run, work, on_failure)
            if work.disturbed:
                await is_set_within(stop, consuming.pause())
    return consuming.acknowledged


async def _awork(run: _AsyncRun, work: _Work, handler: AsyncHandler, stop: asyncio.Event) -> None:
    try:
        async with run.transaction() as transaction:
            for event in work.batch.events:
                if stop.is_set() or work.lost:
                    break
                try:
                    async with transaction.connection.transaction():
                        await handler(transaction, event)
                except Exception as error:
                    work.fail(event, error)
                    break
                work.done += 1
            if ack := work.ack():
                await transaction.run(ack)
        work.acknowledged = work.done
    except Exception as error:
        work.rolled_back(error)
    except BaseException:
        with suppress(*_GONE):
            await run(work.batch.release())
        raise


async def _asettle(run: _AsyncRun, work: _Work, on_failure: OnFailure | None) -> None:
    with suppress(*_GONE):
        if work.is_to_release():
            await run(work.batch.release())
        elif work.failed and not work.lost:
            event, error = work.failed
            failed = await run(work.batch.fail(event, error))
            if on_failure:
                on_failure(event, error, failed)


@dataclass(frozen=True)
class _AsyncRun:
    """As `_Run`."""

    database: AsyncDatabase
    context: RequestContext | None
    role: str | None

    async def __call__(self, call: Call[T]) -> T:
        return await self.database.run(call, context=self.context, role=self.role)

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[AsyncTransaction, None]:
        async with self.database.transaction(context=self.context, role=self.role) as transaction:
            yield transaction


@dataclass
class _AsyncKeeper:
    """As `_Keeper`."""

    run: _AsyncRun
    lease_seconds: int
    work: _Work | None = None

    async def keep(self) -> None:
        while True:
            await asyncio.sleep(self.lease_seconds / 3)
            if work := self.work:
                try:
                    await self.run(work.batch.extend(self.lease_seconds))
                except _GONE:
                    work.lost = True
                except (psycopg.Error, DbkitError):
                    pass  # As in _Keeper.


@asynccontextmanager
async def _akeeper(run: _AsyncRun, lease_seconds: int) -> AsyncGenerator[_AsyncKeeper, None]:
    keeper = _AsyncKeeper(run, lease_seconds)
    task = asyncio.create_task(keeper.keep())
    try:
        yield keeper
    finally:
        task.cancel()
        await asyncio.wait([task])
