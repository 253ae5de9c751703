"""Collectors: what an application measures, kept in memory and sent in batches.

Recording never raises and never waits for the database: it puts an entry into a bounded buffer,
which is sent after 5 seconds or 20 entries. What cannot be kept or sent is counted, never
complained about.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import datetime
import os
import threading
import traceback
import uuid
import warnings
import weakref
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec

if TYPE_CHECKING:
    from dbkit.call import Call
    from dbkit.context import RequestContext

T = TypeVar("T")

FLUSH_SECONDS = 5.0
FLUSH_ENTRIES = 20
CAPACITY = 1000
"""Entries that wait at most; the oldest makes room for a newer one."""

BATCH = 500
BATCH_BYTES = 200_000
ENTRY_BYTES = 8_000
"""What ingest_metrics takes by default, with some room."""

_TEXT = 2_000
"""Characters kept of a message; twice that of a stack."""


class RunsCalls(Protocol):
    """A `Database`, or what runs calls as it does."""

    def run(
        self, call: Call[T], *, context: RequestContext | None = None, role: str | None = None
    ) -> T: ...


class RunsCallsAsync(Protocol):
    """An `AsyncDatabase`, or what runs calls as it does."""

    def run(
        self, call: Call[T], *, context: RequestContext | None = None, role: str | None = None
    ) -> Awaitable[T]: ...


@dataclass(frozen=True, slots=True)
class CollectorStats:
    """What became of the entries so far."""

    recorded: int
    waiting: int
    accepted: int
    dropped_here: int
    """There was no room, or it was no JSON, or too large, or it is not known whether it arrived."""

    dropped_there: int
    """The database refused them: see `dbkit.get_metric_drops`."""

    failed_flushes: int


class _Buffer:
    """Entries that wait, ready to be sent. Threads may share it."""

    def __init__(self, capacity: int) -> None:
        self._entries: deque[bytes] = deque()
        self._capacity = capacity
        self._lock = threading.Lock()
        self.recorded = self.accepted = self.dropped_here = self.dropped_there = 0
        self.failed_flushes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entry: bytes | None) -> int:
        """Returns how many wait now. None is an entry that cannot be sent."""
        with self._lock:
            self.recorded += 1
            if entry is None:
                self.dropped_here += 1
                return len(self._entries)
            if len(self._entries) >= self._capacity:
                self._entries.popleft()
                self.dropped_here += 1
            self._entries.append(entry)
            return len(self._entries)

    def take(self) -> list[bytes]:
        """The oldest entries, as many as go into one call."""
        taken: list[bytes] = []
        size = 0
        with self._lock:
            while self._entries and len(taken) < BATCH and size < BATCH_BYTES:
                taken.append(self._entries.popleft())
                size += len(taken[-1])
        return taken

    def put_back(self, entries: list[bytes]) -> None:
        """What could not be sent, before all others, as far as there is room."""
        with self._lock:
            self.failed_flushes += 1
            room = max(self._capacity - len(self._entries), 0)
            self.dropped_here += max(len(entries) - room, 0)
            self._entries.extendleft(reversed(entries[len(entries) - min(room, len(entries)) :]))

    def lose(self, entries: list[bytes]) -> None:
        with self._lock:
            self.failed_flushes += 1
            self.dropped_here += len(entries)

    def settle(self, accepted: int, dropped: int) -> None:
        with self._lock:
            self.accepted += accepted
            self.dropped_there += dropped

    def stats(self) -> CollectorStats:
        with self._lock:
            return CollectorStats(
                recorded=self.recorded,
                waiting=len(self._entries),
                accepted=self.accepted,
                dropped_here=self.dropped_here,
                dropped_there=self.dropped_there,
                failed_flushes=self.failed_flushes,
            )


def _utc_now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


class _Recorder(ABC):
    """The recording half, the same for both collectors."""

    def __init__(
        self,
        session_id: str | None,
        flush_seconds: float,
        flush_entries: int,
        capacity: int,
        now: Callable[[], datetime.datetime],
    ) -> None:
        self.session_id = session_id or uuid.uuid4().hex
        self._flush_seconds = flush_seconds
        self._flush_entries = flush_entries
        self._buffer = _Buffer(max(capacity, 1))
        self._now = now

    @property
    def stats(self) -> CollectorStats:
        return self._buffer.stats()

    def record(self, event_type: str, event_data: Mapping[str, Any] | None = None) -> None:
        """Any event of a type that clients may send."""
        # Whatever an application hands in here, its own work must go on.
        with contextlib.suppress(Exception):
            waiting = self._buffer.add(self._encode(event_type, event_data or {}))
            self._recorded(waiting)

    def record_page_view(
        self, page: str, *, referrer: str | None = None, user_agent: str | None = None
    ) -> None:
        self.record("page_view", _given(page=page, referrer=referrer, userAgent=user_agent))

    def record_api_latency(
        self, endpoint: str, latency_ms: float, status: int | None = None
    ) -> None:
        """Milliseconds; a status of 500 or above counts as an error."""
        self.record("api_latency", _given(endpoint=endpoint, latency_ms=latency_ms, status=status))

    def record_error(
        self, error_type: str, message: str, *, stack: str | None = None, url: str | None = None
    ) -> None:
        self.record("error", _given(error_type=error_type, message=message, stack=stack, url=url))

    def record_exception(self, error: BaseException, *, url: str | None = None) -> None:
        """An error with its class, text and stack."""
        with contextlib.suppress(Exception):
            stack = "".join(traceback.format_exception(error))
            self.record_error(type(error).__name__, str(error), stack=stack[-2 * _TEXT :], url=url)

    def record_user_action(self, action: str, metadata: Mapping[str, Any] | None = None) -> None:
        self.record("user_action", _given(action=action, metadata=metadata))

    def record_performance(self, metric: str, value: float) -> None:
        """A Web Vital (LCP, FID, CLS) or another number of that sort."""
        self.record("performance", {"metric": metric, "value": value})

    def _encode(self, event_type: str, event_data: Mapping[str, Any]) -> bytes | None:
        try:
            data = {str(key): _shortened(str(key), value) for key, value in event_data.items()}
            entry = {
                "event_type": event_type,
                "event_data": data,
                "session_id": self.session_id,
                "created_at": self._now().isoformat(),
            }
            encoded = msgspec.json.encode(entry, enc_hook=str)
        except Exception:
            return None
        # Postgres has no text with this character: it would refuse the whole batch.
        return None if len(encoded) > ENTRY_BYTES or b"\\u0000" in encoded else encoded

    @abstractmethod
    def _recorded(self, waiting: int) -> None:
        """There is one more, and so many wait now: whoever sends has to know."""


def _given(**data: Any) -> dict[str, Any]:
    return {key: value for key, value in data.items() if value is not None}


def _shortened(key: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return value[: 2 * _TEXT if key == "stack" else _TEXT]


def _ingest(entries: list[bytes]) -> Call[Any]:
    from dbkit.calls import metrics as calls

    return replace(calls.ingest_metrics([]), params=((b"[" + b",".join(entries) + b"]").decode(),))


def _warn_of_waiting(buffer: _Buffer, process: int) -> None:
    """Not in a child, whose buffer is a copy of its parent's."""
    if len(buffer) and process == os.getpid():
        message = f"a collector was not closed: {len(buffer)} metrics that waited are lost"
        warnings.warn(message, ResourceWarning, stacklevel=2)


def may_have_arrived(error: Exception) -> bool:
    from dbkit.database import OutcomeUnknown

    return isinstance(error, OutcomeUnknown)


class MetricsCollector(_Recorder):
    """Sends from a thread of its own, which begins with the first entry.

    `context` and `role` are those of every batch. At the end of the process what waits is sent;
    `close` does so earlier, and so does leaving `with`. Make one in each process: a pool of
    connections does not survive a fork, so a child sends nothing with its parent's collector.
    """

    def __init__(
        self,
        database: RunsCalls,
        *,
        context: RequestContext | None = None,
        role: str | None = None,
        session_id: str | None = None,
        flush_seconds: float = FLUSH_SECONDS,
        flush_entries: int = FLUSH_ENTRIES,
        capacity: int = CAPACITY,
        now: Callable[[], datetime.datetime] = _utc_now,
    ) -> None:
        super().__init__(session_id, flush_seconds, flush_entries, capacity, now)
        self._database = database
        self._context = context
        self._role = role
        self._process = os.getpid()
        self._sending = threading.Lock()
        self._starting = threading.Lock()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        atexit.register(self.close)

    def __enter__(self) -> MetricsCollector:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def flush(self) -> bool:
        """Send all that waits, now and here. Whether it went; what did not waits for the next."""
        if self._process != os.getpid():
            return False
        with self._sending:
            while entries := self._buffer.take():
                if not self._send(entries):
                    return False
        return True

    def close(self) -> None:
        """Send what waits, once, and end the thread. What is recorded afterwards only waits."""
        atexit.unregister(self.close)
        self._closing.set()
        self._wake.set()
        if self._process != os.getpid():
            return
        if self._thread is not None:
            self._thread.join(timeout=2 * self._flush_seconds)
        with contextlib.suppress(Exception):
            self.flush()

    def _send(self, entries: list[bytes]) -> bool:
        try:
            answer = self._database.run(_ingest(entries), context=self._context, role=self._role)
        except Exception as error:
            if may_have_arrived(error):
                self._buffer.lose(entries)
            else:
                self._buffer.put_back(entries)
            return False
        self._buffer.settle(answer.accepted, answer.dropped)
        return True

    def _recorded(self, waiting: int) -> None:
        if self._thread is None and self._process == os.getpid():
            self._start()
        if waiting >= self._flush_entries:
            self._wake.set()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None and not self._closing.is_set():
                thread = threading.Thread(target=self._work, name="dbkit-metrics", daemon=True)
                thread.start()
                self._thread = thread

    def _work(self) -> None:
        while not self._closing.is_set():
            self._wake.wait(self._flush_seconds)
            self._wake.clear()
            if not self._closing.is_set() and not self.flush():
                # Not at once again, however much comes in: the database has enough to do.
                self._closing.wait(self._flush_seconds)


class AsyncMetricsCollector(_Recorder):
    """As `MetricsCollector`, on the running event loop: recording stays an ordinary call.

    Leave `async with`, or `await close()`. Without that what waits is sent when the loop ends and
    cancels its tasks, as `asyncio.run` does, if the database is still open then. What waits even
    when the collector goes, or the process, is lost: no loop is left to send on. A
    `ResourceWarning` says how many entries those are.
    """

    def __init__(
        self,
        database: RunsCallsAsync,
        *,
        context: RequestContext | None = None,
        role: str | None = None,
        session_id: str | None = None,
        flush_seconds: float = FLUSH_SECONDS,
        flush_entries: int = FLUSH_ENTRIES,
        capacity: int = CAPACITY,
        now: Callable[[], datetime.datetime] = _utc_now,
    ) -> None:
        super().__init__(session_id, flush_seconds, flush_entries, capacity, now)
        self._database = database
        self._context = context
        self._role = role
        self._wake = asyncio.Event()
        self._sending = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self._end = weakref.finalize(self, _warn_of_waiting, self._buffer, os.getpid())

    async def __aenter__(self) -> AsyncMetricsCollector:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def flush(self) -> bool:
        """As `MetricsCollector.flush`."""
        async with self._sending:
            while entries := self._buffer.take():
                if not await self._send(entries):
                    return False
        return True

    async def close(self) -> None:
        """Send what waits, once, and end the task."""
        self._closed = True
        self._end.detach()
        if self._task is not None:
            self._wake.set()
            await self._task
        with contextlib.suppress(Exception):
            await self.flush()

    async def _send(self, entries: list[bytes]) -> bool:
        call = _ingest(entries)
        try:
            answer = await self._database.run(call, context=self._context, role=self._role)
        except asyncio.CancelledError:
            self._buffer.lose(entries)
            raise
        except Exception as error:
            if may_have_arrived(error):
                self._buffer.lose(entries)
            else:
                self._buffer.put_back(entries)
            return False
        self._buffer.settle(answer.accepted, answer.dropped)
        return True

    def _recorded(self, waiting: int) -> None:
        if self._task is None and not self._closed:
            # Without a running loop there is none yet: the entry waits for the next one.
            loop = asyncio.get_running_loop()
            self._task = loop.create_task(self._work(), name="dbkit-metrics")
        if waiting >= self._flush_entries:
            self._wake.set()

    async def _work(self) -> None:
        try:
            await self._send_for_ever()
        except asyncio.CancelledError:
            # The loop ends: there is no later turn, but this one is waited for.
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self.flush(), self._flush_seconds)
            raise

    async def _send_for_ever(self) -> None:
        while not self._closed:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._flush_seconds)
            self._wake.clear()
            if not self._closed and not await self.flush():
                await self._pause()

    async def _pause(self) -> None:
        end = asyncio.get_running_loop().time() + self._flush_seconds
        while not self._closed and asyncio.get_running_loop().time() < end:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), 0.1)
            self._wake.clear()
