"""The request log and the gateway's metrics: kept in memory, written in batches off the requests.

Adding never waits and never raises. What cannot be kept or written is counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ipaddress
import socket
import time
from collections import deque
from collections.abc import Awaitable, Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from dbkit.gateway_auth import hash_address
from dbkit.metrics import may_have_arrived

if TYPE_CHECKING:
    from dbkit.settings import GatewaySettings

Write = Callable[[str], Awaitable[object]]
"""`dbkit.log_api_requests` or `dbkit.ingest_metrics` with a JSON array as text."""

FLUSH_SECONDS = 1.0
FLUSH_ENTRIES = 500
CAPACITY = 10_000
"""Entries that wait at most; the oldest makes room for a newer one."""

METRICS_SECONDS = 10.0
"""A row of runtime_metrics is what a process did of a call, version and status in so long."""

SERIES = 300
"""Different calls, versions and statuses that are told apart; the others are __other__."""

BAD_ROWS = 8
"""So many are looked for in a batch that is refused; what is refused after that goes as a whole."""

CLOSE_SECONDS = 5.0
"""What a stop waits for the last flush."""

_MAX_MS = 999_999_999.0
_TEXT = 200
_USER_AGENT = 500

UNKNOWN = "__unknown__"
OTHER = "__other__"


class LogEntry(msgspec.Struct, omit_defaults=True, gc=False):
    """A request, in the columns of `dbkit.api_request_log`.

    `ip_address` is the client's, whole: what of it is kept is the log's business.
    """

    name: str
    status_code: int
    duration_ms: float
    request_id: str | None = None
    requested_version: str | None = None
    served_version: str | None = None
    fallback: bool = False
    error_code: str | None = None
    caller_role: str | None = None
    app_name: str | None = None
    app_version: str | None = None
    client_id: str | None = None
    user_id: str | None = None
    organization_id: str | None = None
    region: str | None = None
    ip_address: str | None = None
    ip_hash: str | None = None
    user_agent: str | None = None


_TEXTS = (
    "name",
    "request_id",
    "requested_version",
    "served_version",
    "error_code",
    "caller_role",
    "app_name",
    "app_version",
    "client_id",
    "user_id",
    "organization_id",
    "region",
)


@dataclass(frozen=True, slots=True)
class LogStats:
    """What became of the entries so far."""

    added: int
    waiting: int
    written: int
    dropped: int
    """There was no room, or the database refused them, or it is not known whether they arrived."""

    failed_flushes: int
    metrics_written: int
    metrics_dropped: int


_Key = tuple[str, str, int]


@dataclass(slots=True)
class _Sum:
    """Of the requests of a call, version and status class, since metrics were written."""

    requests: int = 0
    total: float = 0.0
    longest: float = 0.0

    def add(self, ms: float) -> None:
        self.requests += 1
        self.total += ms
        if ms > self.longest:
            self.longest = ms

    def merge(self, other: _Sum) -> None:
        self.requests += other.requests
        self.total += other.total
        self.longest = max(self.longest, other.longest)


class Log:
    """The log of a process: `start`, `add`, `stop`."""

    def __init__(
        self,
        settings: GatewaySettings,
        write_log: Write,
        write_metrics: Write,
        *,
        address_secret: bytes,
        gateway: str | None = None,
        flush_seconds: float = FLUSH_SECONDS,
        flush_entries: int = FLUSH_ENTRIES,
        capacity: int = CAPACITY,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._address = settings.address
        self._secret = address_secret
        self._write_log = write_log
        self._write_metrics = write_metrics
        self._flush_seconds = flush_seconds
        self._flush_entries = flush_entries
        self._capacity = capacity
        self._monotonic = monotonic
        self._now = now
        self._entries: deque[LogEntry] = deque()
        self._sums: dict[_Key, _Sum] = {}
        self._gateway = gateway or socket.gethostname()
        self.state: Callable[[], Mapping[str, float]] = _nothing
        """More figures of the process for its metrics, such as `queued`."""

        self.names: Container[str] = ()
        """Calls that are registered: only they are series of their own before a version is known,
        since other names are whatever clients make up."""

        self._wake = asyncio.Event()
        self._closing = asyncio.Event()
        self._flushing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._metrics_due = monotonic() + METRICS_SECONDS
        self._told_dropped = 0
        self._added = self._written = self._dropped = self._failed = 0
        self._metrics_written = self._metrics_dropped = 0

    # --- adding ---

    def add(self, entry: LogEntry) -> None:
        """Keep it for the next flush."""
        try:
            self._added += 1
            self._count(entry)
            entries = self._entries
            if len(entries) >= self._capacity:
                entries.popleft()
                self._dropped += 1
            entries.append(entry)
            if len(entries) == self._flush_entries:
                self._wake.set()
        except Exception:
            self._dropped += 1

    def _count(self, entry: LogEntry) -> None:
        ms = entry.duration_ms
        name = entry.name if entry.served_version or entry.name in self.names else UNKNOWN
        key = name, entry.served_version or "", entry.status_code // 100 * 100
        found = self._sums.get(key)
        if found is None:
            if len(self._sums) >= SERIES:
                key = OTHER, "", key[2]
            found = self._sums.setdefault(key, _Sum())
        found.add(ms if 0 <= ms <= _MAX_MS else 0.0)

    # --- life ---

    def start(self) -> None:
        self._task = asyncio.create_task(self._work(), name="dbkit-gateway-log")

    async def stop(self) -> None:
        """Write what waits, for a few seconds at most; what is left then is counted as dropped."""
        self._closing.set()
        self._wake.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=CLOSE_SECONDS)
            if not self._task.done():
                self._task.cancel()
                await asyncio.gather(self._task, return_exceptions=True)
        with contextlib.suppress(Exception):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.flush(metrics=True)
        self._dropped += len(self._entries)
        self._entries.clear()

    async def _work(self) -> None:
        failures = 0
        while not self._closing.is_set():
            # While the database is away ever longer, and a burst is no reason to ask sooner.
            pause = self._flush_seconds * min(2**failures, 8)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for((self._closing if failures else self._wake).wait(), pause)
            self._wake.clear()
            if not self._closing.is_set():
                failures = 0 if await self.flush() else min(failures + 1, 10)

    # --- flushing ---

    async def flush(self, *, metrics: bool = False) -> bool:
        """Write what waits, and the metrics when they are due. Whether all of it went."""
        async with self._flushing:
            while self._entries:
                batch = self._take()
                if not await self._send(batch):
                    return False
            if metrics or self._monotonic() >= self._metrics_due:
                return await self._send_metrics()
            return True

    def _take(self) -> list[LogEntry]:
        count = min(len(self._entries), self._flush_entries)
        return [self._entries.popleft() for _ in range(count)]

    async def _send(self, batch: list[LogEntry]) -> bool:
        """A batch; whether the next one may be tried. One bad row must not hold up the others:
        what is refused is halved until what is wrong stands alone, and dropped."""
        parts, bad = [batch], 0
        while parts:
            part = parts.pop()
            try:
                await self._write_log(self._encode(part))
            except asyncio.CancelledError:
                self._dropped += len(part)
                self._put_back([entry for rest in reversed(parts) for entry in rest])
                raise
            except Exception as error:
                if _is_refusal(error):
                    bad += len(part) == 1
                    if len(part) == 1 or bad > BAD_ROWS:
                        self._dropped += len(part)
                    else:
                        half = len(part) // 2
                        parts += [part[half:], part[:half]]
                    continue
                self._failed += 1
                if may_have_arrived(error):
                    self._dropped += len(part)
                    part = []
                self._put_back(part + [entry for rest in reversed(parts) for entry in rest])
                return False
            self._written += len(part)
        return True

    def _put_back(self, batch: list[LogEntry]) -> None:
        """Before all others, as far as there is room."""
        room = max(self._capacity - len(self._entries), 0)
        kept = batch[max(len(batch) - room, 0) :]
        self._dropped += len(batch) - len(kept)
        self._entries.extendleft(reversed(kept))

    def _encode(self, batch: Sequence[LogEntry]) -> str:
        day = datetime.datetime.fromtimestamp(self._now(), datetime.UTC).date()
        for entry in batch:
            self._tidy(entry, day)
        return msgspec.json.encode(batch).decode()

    def _tidy(self, entry: LogEntry, day: datetime.date) -> None:
        """What Postgres would not take is made fit: a row of the log is not worth an error."""
        for name in _TEXTS:
            value = getattr(entry, name)
            if value is not None:
                setattr(entry, name, _fit(value, _TEXT))
        if entry.user_agent is not None:
            entry.user_agent = _fit(entry.user_agent, _USER_AGENT)
        ms = entry.duration_ms
        entry.duration_ms = round(ms, 3) if 0 <= ms <= _MAX_MS else 0.0
        address, entry.ip_address = entry.ip_address, None
        if address is None or self._address == "none":
            return
        if self._address == "hash":
            entry.ip_hash = hash_address(address, self._secret, day)
            return
        with contextlib.suppress(ValueError):
            entry.ip_address = str(ipaddress.ip_address(address.partition("%")[0]))

    async def _send_metrics(self) -> bool:
        self._metrics_due = self._monotonic() + METRICS_SECONDS
        sums, self._sums = self._sums, {}
        dropped = self._dropped - self._told_dropped
        if not sums and not dropped:
            return True
        events = [_request_event(key, each) for key, each in sums.items()]
        events.append(self._state_event(sums, dropped))
        try:
            await self._write_metrics(msgspec.json.encode(events).decode())
        except Exception as error:
            self._failed += 1
            if not may_have_arrived(error) and not _is_refusal(error):
                for key, each in sums.items():
                    self._sums.setdefault(key, _Sum()).merge(each)
                return False
            self._metrics_dropped += len(events)
        else:
            self._metrics_written += len(events)
        self._told_dropped += dropped
        return True

    def _state_event(self, sums: Mapping[_Key, _Sum], dropped: int) -> dict[str, Any]:
        told = {
            "gateway": self._gateway,
            "requests": sum(each.requests for each in sums.values()),
            "errors": sum(each.requests for key, each in sums.items() if key[2] >= 500),
            "dropped": dropped,
        }
        return {"event_type": "gateway_state", "event_data": told | dict(self.state())}

    # --- telling ---

    def stats(self) -> LogStats:
        return LogStats(
            added=self._added,
            waiting=len(self._entries),
            written=self._written,
            dropped=self._dropped,
            failed_flushes=self._failed,
            metrics_written=self._metrics_written,
            metrics_dropped=self._metrics_dropped,
        )


def _request_event(key: _Key, each: _Sum) -> dict[str, Any]:
    """`status` is that of a class: 200, 400, 500."""
    name, version, status = key
    told = {
        "call": name,
        "version": version,
        "status": status,
        "requests": each.requests,
        "duration_ms": round(each.total / each.requests, 3),
        "max_ms": round(each.longest, 3),
    }
    return {"event_type": "gateway_request", "event_data": told}


def _nothing() -> Mapping[str, float]:
    return {}


def _fit(text: str, length: int) -> str:
    if len(text) > length:
        text = text[:length]
    if "\x00" in text:
        text = text.replace("\x00", "")
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()
    return text


def _is_refusal(error: Exception) -> bool:
    """The database answered that it will never take these data. A right or a function that is
    missing is no such answer: it may come."""
    sqlstate = getattr(error, "sqlstate", None)
    return isinstance(sqlstate, str) and (sqlstate[:2] in ("22", "23", "54") or sqlstate == "KD004")
