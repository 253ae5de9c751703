"""Streams, decisions and readers: what takes more than one call of `dbkit.calls.events`.

`Stream.load()` and `Loaded.append()` return a `Call`, as every wrapper does. `decide` runs both,
and again after a conflict; `follow` reads all events as they come. `adecide` and `afollow` are the
same on asyncio.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeAlias, TypeVar, cast
from uuid import UUID

import msgspec
import psycopg

from dbkit.call import Call, Rows
from dbkit.calls import events as calls
from dbkit.codec import JsonInput, from_json, to_json
from dbkit.context import RequestContext
from dbkit.database import AsyncDatabase, Database, Retry
from dbkit.errors import StreamConflict, UnexpectedAnswer

S = TypeVar("S")
T = TypeVar("T")

StoredEvent: TypeAlias = calls.EventStore
"""An event as it is read."""

CONFLICT_RETRY = Retry(attempts=10, first_seconds=0.01, longest_seconds=0.5)
"""How `decide` tries again unless it is told otherwise."""


# --- events ----------------------------------------------------------------------------------


def new_event_id() -> UUID:
    """A UUID of version 7: it begins with the time, so an index takes new ones side by side."""
    random = int.from_bytes(os.urandom(10))
    number = time.time_ns() // 1_000_000 << 80 | random
    return UUID(int=number & ~(0xF << 76 | 0b11 << 62) | 0x7 << 76 | 0b10 << 62)


@dataclass(frozen=True, slots=True)
class Event:
    """An event to append. Its id is chosen when it is made, so it can be sent again."""

    event_type: str
    event_data: object
    """A JSON object: a mapping, or a dataclass whose fields are its properties."""
    metadata: Mapping[str, JsonInput] = field(default_factory=dict[str, JsonInput])
    schema_version: int | None = None
    """None: the newest that is registered, else 1."""
    event_id: UUID = field(default_factory=new_event_id)


def data_of(event: StoredEvent, kind: type[T]) -> T:
    """The data of a stored event as a type; raises UnexpectedAnswer when they do not fit."""
    try:
        found: T = from_json(str(to_json(event.event_data)), kind)
    except msgspec.ValidationError as error:
        raise UnexpectedAnswer(f"{event.event_type} at {event.position}: {error}") from error
    return found


# --- streams ---------------------------------------------------------------------------------

_LOAD = """
select dbkit.get_aggregate_state(s.aggregate_type, s.aggregate_id)::text
from dbkit.event_streams s
where s.organization_id = (select dbkit.current_organization())
  and s.aggregate_type = %s and s.aggregate_id = %s
"""
"""No row for a stream that is not there, which in a transaction is better than an error."""


@dataclass(frozen=True, slots=True)
class Stream(Generic[S]):
    """The events of one aggregate. `state` is the type of its state: a dataclass, or dict."""

    aggregate_type: str
    aggregate_id: str
    state: type[S]

    def load(self) -> Call[Loaded[S]]:
        """State and version as of now, folded by the applier that is registered for the type.

        A stream that has no event yet is no error. Raises NoApplier for one that has, where no
        applier is registered.
        """
        where = (self.aggregate_type, self.aggregate_id)
        return Call("dbkit.get_aggregate_state", _LOAD, where, self._decode, reads_only=True)

    def append(self, *events: Event, expected_version: int | None = None) -> Call[Appended]:
        """All or none, in this order. expected_version: None any, 0 the stream must be new, -1 it
        must exist, N its newest event must be N.

        It can be sent again: the database knows the events by their ids. Raises StreamConflict,
        UnknownStream, StreamArchived, InvalidEvent, EventSchemaViolation, EventIdReused.
        """
        given = cast("JsonInput", events)
        asked = calls.append_events(self.aggregate_type, self.aggregate_id, given, expected_version)
        return replace(asked, idempotent=True)

    def _decode(self, rows: Rows) -> Loaded[S]:
        if not rows:
            return Loaded(self, None, 0)
        found: _State = from_json(rows[0][0], _State)
        return Loaded(self, from_json(bytes(found.state), self.state), found.version)


Appended: TypeAlias = calls.AppendEventsResult
"""Versions, position and ids of what was appended."""


@dataclass(frozen=True)
class _State:
    state: msgspec.Raw
    version: int


@dataclass(frozen=True, slots=True)
class Loaded(Generic[S]):
    """A stream as it was when it was read."""

    stream: Stream[S]
    state: S | None
    """None as long as the stream has no event."""
    version: int
    """Of its newest event; 0 as long as it has none."""

    def append(self, *events: Event) -> Call[Appended]:
        """As `Stream.append`, at the version that was read: StreamConflict when it has moved."""
        return self.stream.append(*events, expected_version=self.version)


# --- decisions -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Decision(Generic[S]):
    """What `decide` did."""

    state: S | None
    """What it was decided on."""
    events: tuple[Event, ...]
    """What was appended; none when there was nothing to do."""
    version: int
    """Of the stream afterwards."""
    position: int | None
    """Of the newest event; None when nothing was appended."""
    attempts: int


Decider: TypeAlias = Callable[[S | None], Iterable[Event]]
"""From the state of a stream, None for a new one, to the events to append. It is called again after
a conflict: it must do nothing but decide."""


@dataclass
class _Deciding(Generic[S]):
    """The decisions of one `decide`: its loop, written twice (sync and async), makes none."""

    stream: Stream[S]
    decider: Decider[S]
    retry: Retry
    attempts: int = 0

    def decide(self, loaded: Loaded[S]) -> tuple[Event, ...]:
        self.attempts += 1
        return tuple(self.decider(loaded.state))

    def done(
        self, loaded: Loaded[S], events: tuple[Event, ...], to: Appended | None
    ) -> Decision[S]:
        version = to.last_version if to else loaded.version
        position = to.last_position if to else None
        return Decision(loaded.state, events, version, position, self.attempts)

    def pause_after(self, error: StreamConflict) -> float:
        """Seconds until the next attempt; raises when there must be none."""
        if self.attempts >= self.retry.attempts:
            raise error
        return self.retry.pause(self.attempts)


def decide(
    database: Database | psycopg.Connection[Any],
    stream: Stream[S],
    decider: Decider[S],
    *,
    retry: Retry = CONFLICT_RETRY,
    context: RequestContext | None = None,
    role: str | None = None,
) -> Decision[S]:
    """Load the stream, decide, append at the version that was loaded; all again after a conflict.

    Raises StreamConflict when the last attempt met one too, and every other error at once. An
    append whose answer was lost is sent again with the same ids, and is not done twice. On a
    connection of yours it is part of your transaction, attempts in savepoints.
    """
    where = _Where(database, context, role)
    deciding = _Deciding(stream, decider, retry)
    while True:
        loaded = where.run(stream.load())
        events = deciding.decide(loaded)
        try:
            appended = where.run(loaded.append(*events)) if events else None
            return deciding.done(loaded, events, appended)
        except StreamConflict as error:
            retry.sleep(deciding.pause_after(error))


async def adecide(
    database: AsyncDatabase | psycopg.AsyncConnection[Any],
    stream: Stream[S],
    decider: Decider[S],
    *,
    retry: Retry = CONFLICT_RETRY,
    context: RequestContext | None = None,
    role: str | None = None,
) -> Decision[S]:
    """As `decide`, on asyncio."""
    where = _AsyncWhere(database, context, role)
    deciding = _Deciding(stream, decider, retry)
    while True:
        loaded = await where.run(stream.load())
        events = deciding.decide(loaded)
        try:
            appended = await where.run(loaded.append(*events)) if events else None
            return deciding.done(loaded, events, appended)
        except StreamConflict as error:
            await retry.async_sleep(deciding.pause_after(error))


# --- readers ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Batch:
    """Events of all streams, in their order."""

    events: list[StoredEvent]
    """Empty when a filter let nothing pass: the position has moved on all the same."""
    after: int
    """The position that was read from."""
    position: int
    """Go on from here: nothing up to it is left to read."""
    reader: str | None = None

    def save(self) -> Call[None]:
        """Keep the position for the reader, in the transaction of what you made of the events.

        Raises ProjectionBusy when it is not where this batch began: another program reads under
        the name, or a batch was left out. Raises ValueError without a reader.
        """
        if self.reader is None:
            raise ValueError("follow() was given no reader: keep batch.position yourself")
        return calls.save_reader_checkpoint(self.reader, self.position, self.after)


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """Seconds between two looks: `first_seconds` while events come, up to `longest_seconds` when
    none do."""

    first_seconds: float = 0.05
    longest_seconds: float = 1.0


@dataclass(kw_only=True)
class _Reading:
    """The decisions of one `follow`: its loop, written twice (sync and async), makes none."""

    after: int
    reader: str | None
    event_types: list[str] | None
    aggregate_types: list[str] | None
    organization_id: str | None
    limit: int
    poll: Poll
    idle: int = 0
    caught_up: bool = False

    def begin(self) -> Call[int] | None:
        """What says where to begin, if the caller did not."""
        if self.reader is None:
            return None
        if self.after:
            raise ValueError("a reader goes on from its checkpoint: give reader or after")
        return calls.get_reader_checkpoint(self.reader)

    def bound(self) -> Call[int] | None:
        """What says how far to read: with a filter the reader moves there, whatever passes."""
        filters = (self.event_types, self.aggregate_types, self.organization_id)
        if all(each is None for each in filters):
            return None
        return _harmless(calls.safe_position())

    def page(self, up_to: int | None) -> Call[list[StoredEvent]]:
        return _harmless(
            calls.read_all(
                self.after,
                self.limit,
                self.event_types,
                self.aggregate_types,
                self.organization_id,
                up_to,
            )
        )

    def take(self, events: list[StoredEvent], up_to: int | None) -> Batch | None:
        """The page as a batch; None when the reader got nowhere."""
        self.caught_up = len(events) < self.limit
        self.idle = 0 if events else self.idle + 1
        position = events[-1].position if events else self.after
        if self.caught_up and up_to is not None:
            position = max(position, up_to)
        if position == self.after:
            return None
        batch = Batch(events, self.after, position, self.reader)
        self.after = position
        return batch

    def pause(self) -> float:
        return min(self.poll.longest_seconds, self.poll.first_seconds * 2.0 ** min(self.idle, 30))


def _harmless(call: Call[T]) -> Call[T]:
    """Reads only, though the database cannot say so: volatile, to read with a fresh snapshot."""
    return replace(call, idempotent=True)


def follow(
    database: Database | psycopg.Connection[Any],
    *,
    after: int = 0,
    reader: str | None = None,
    event_types: list[str] | None = None,
    aggregate_types: list[str] | None = None,
    organization_id: str | None = None,
    limit: int = 1000,
    poll: Poll = Poll(),
    once: bool = False,
    stop: threading.Event | None = None,
    context: RequestContext | None = None,
    role: str | None = None,
) -> Generator[Batch, None, None]:
    """Every committed event after a position, in batches of at most `limit`, as they come.

    It begins at `after`, or where `batch.save()` left the reader of that name. Ends when `stop`
    is set, with `once` when it has caught up. Needs service_role. Nothing stays open between
    batches. Raises UnsafeRead in another isolation level than READ COMMITTED, and on a replica.
    """
    where = _Where(database, context, role)
    stop = stop or threading.Event()
    reading = _Reading(
        after=after,
        reader=reader,
        event_types=event_types,
        aggregate_types=aggregate_types,
        organization_id=organization_id,
        limit=limit,
        poll=poll,
    )
    if begin := reading.begin():
        reading.after = where.run(begin)
    while not stop.is_set():
        bound = reading.bound()
        up_to = where.run(bound) if bound else None
        batch = reading.take(where.run(reading.page(up_to)), up_to)
        if batch:
            yield batch
        if reading.caught_up and (once or stop.wait(reading.pause())):
            return


async def afollow(
    database: AsyncDatabase | psycopg.AsyncConnection[Any],
    *,
    after: int = 0,
    reader: str | None = None,
    event_types: list[str] | None = None,
    aggregate_types: list[str] | None = None,
    organization_id: str | None = None,
    limit: int = 1000,
    poll: Poll = Poll(),
    once: bool = False,
    stop: asyncio.Event | None = None,
    context: RequestContext | None = None,
    role: str | None = None,
) -> AsyncGenerator[Batch, None]:
    """As `follow`, on asyncio; cancelling its task ends it at once."""
    where = _AsyncWhere(database, context, role)
    stop = stop or asyncio.Event()
    reading = _Reading(
        after=after,
        reader=reader,
        event_types=event_types,
        aggregate_types=aggregate_types,
        organization_id=organization_id,
        limit=limit,
        poll=poll,
    )
    if begin := reading.begin():
        reading.after = await where.run(begin)
    while not stop.is_set():
        bound = reading.bound()
        up_to = await where.run(bound) if bound else None
        batch = reading.take(await where.run(reading.page(up_to)), up_to)
        if batch:
            yield batch
        if reading.caught_up and (once or await is_set_within(stop, reading.pause())):
            return


async def is_set_within(stop: asyncio.Event, seconds: float) -> bool:
    """Whether the event is set, after waiting for it at most so long."""
    try:
        async with asyncio.timeout(seconds):
            return await stop.wait()
    except TimeoutError:
        return False


# --- where calls run -------------------------------------------------------------------------


def _refuse(context: RequestContext | None, role: str | None) -> None:
    if context is not None or role is not None:
        raise ValueError("context and role are those of your connection's transaction")


@dataclass(frozen=True)
class _Where:
    """A pool; or a connection of the caller's, where each call is a savepoint."""

    database: Database | psycopg.Connection[Any]
    context: RequestContext | None
    role: str | None

    def run(self, call: Call[T]) -> T:
        if isinstance(self.database, Database):
            return self.database.run(call, context=self.context, role=self.role)
        _refuse(self.context, self.role)
        with self.database.transaction():
            return call.run(self.database)


@dataclass(frozen=True)
class _AsyncWhere:
    """As `_Where`."""

    database: AsyncDatabase | psycopg.AsyncConnection[Any]
    context: RequestContext | None
    role: str | None

    async def run(self, call: Call[T]) -> T:
        if isinstance(self.database, AsyncDatabase):
            return await self.database.run(call, context=self.context, role=self.role)
        _refuse(self.context, self.role)
        async with self.database.transaction():
            return await call.arun(self.database)
