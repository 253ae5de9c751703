"""Rate limits. A process takes tokens from the database in batches and gives them to requests.

The database grants at most `max_calls` tokens of a window to all processes together, and a request
needs a token: so the bound is exact. A process takes one token first and then ever more, never more
than it has used of the window so far: what it holds in the end and nobody else can have is small.

One limit counts for a request, the most specific that there is: for this consumer and this call,
then for this consumer and all its calls together, then for this call of each consumer, then for all
calls together of each consumer.
"""

from __future__ import annotations

import asyncio
import datetime
import math
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dbkit.gateway_errors import Refused, unavailable

if TYPE_CHECKING:
    from dbkit.settings import GatewaySettings

Lease = Callable[[list[dict[str, Any]]], Awaitable[list[dict[str, Any]]]]
"""`dbkit.lease_rate_limit`: [{consumer, call, max_calls, window_seconds, want}] in; each with
granted, remaining and resets_at (or resets_in, seconds) out, in the same order or any other."""

ANY = "*"
MOST_WANTED = 100
"""Tokens taken at a time at most."""
SHARE = 8
"""Of what a window has left at most this part (1/8) is taken ahead of requests."""
BATCH = 200
"""Leases in one call of the database."""
BUCKETS = 50_000
"""Counters in memory; the one that was used longest ago makes room."""
LEASE_SECONDS = 5.0
"""How long the database may take to answer."""
REST_SECONDS = 0.5
"""After a failure nobody asks for so long."""


@dataclass(frozen=True, slots=True)
class Limit:
    consumer: str
    call: str
    max_calls: int
    window_seconds: int


@dataclass(frozen=True, slots=True)
class Taken:
    """Whether a request may go on, and what it is told of its limit."""

    allowed: bool
    headers: tuple[tuple[bytes, bytes], ...] = ()
    """RateLimit-Policy and RateLimit, and Retry-After where it may not."""

    retry_after: int = 0
    limit: Limit | None = None

    def require(self) -> None:
        """Raises 429 where it may not go on."""
        if self.allowed or self.limit is None:
            return
        raise Refused(
            429,
            "RATE_LIMITED",
            f"More than {self.limit.max_calls} calls in {self.limit.window_seconds} s.",
            details={
                "limit": self.limit.max_calls,
                "window_seconds": self.limit.window_seconds,
                "remaining": 0,
                "retry_after": self.retry_after,
            },
            headers=self.headers,
        )


FREE = Taken(True)
"""No limit counts for the request."""


class _Bucket:
    """The tokens of a consumer for a window."""

    __slots__ = ("consumer", "demand", "ends_at", "left", "limit", "policy", "tokens", "waiting")

    def __init__(self, consumer: str, limit: Limit) -> None:
        self.consumer = consumer
        self.limit = limit
        self.tokens = 0
        self.left = 0
        """What the database had left of the window when it was asked last."""

        self.ends_at = 0.0
        self.demand = 0
        """How many were taken since the window began: as many may be taken ahead."""

        self.waiting: deque[asyncio.Future[Taken]] = deque()
        name = "default" if limit.call == ANY else limit.call.replace("\\", "").replace('"', "")
        self.policy = f'"{name}"'.encode("ascii", "replace")

    def headers(self, now: float) -> tuple[tuple[bytes, bytes], ...]:
        """draft-ietf-httpapi-ratelimit-headers: names are quoted, t is in whole seconds."""
        limit = self.limit
        return (
            (
                b"ratelimit-policy",
                b"%b;q=%d;w=%d" % (self.policy, limit.max_calls, limit.window_seconds),
            ),
            (
                b"ratelimit",
                b"%b;r=%d;t=%d" % (self.policy, self.tokens + self.left, self.rest(now)),
            ),
        )

    def rest(self, now: float) -> int:
        return max(math.ceil(self.ends_at - now), 0)

    def take(self, now: float) -> Taken | None:
        """A token of memory, a refusal, or None: the database must be asked."""
        if not self.limit.max_calls:
            return self._refusal(now, self.limit.window_seconds)
        if now >= self.ends_at:
            self.tokens = self.left = self.demand = 0
            return None
        if self.tokens:
            self.tokens -= 1
            self.demand += 1
            return Taken(True, self.headers(now), 0, self.limit)
        if self.left:
            return None
        return self._refusal(now, max(self.rest(now), 1))

    def _refusal(self, now: float, seconds: int) -> Taken:
        told = (*self.headers(now), (b"retry-after", b"%d" % seconds))
        return Taken(False, told, seconds, self.limit)

    def want(self, now: float) -> int:
        """As many as wait, and ahead of requests no more than were used, and than a share of what
        is left."""
        ahead = 0
        if now < self.ends_at:
            ahead = min(self.demand, self.left // SHARE, MOST_WANTED)
        return min(max(len(self.waiting), ahead, 1), self.limit.max_calls)


class Limits:
    """The limits of a process. `update` with those of `gateway_catalog`, `take` for a request."""

    def __init__(
        self,
        settings: GatewaySettings,
        lease: Lease,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._allow_unknown = settings.limits_unknown == "allow"
        self._lease = lease
        self._monotonic = monotonic
        self._now = now
        self._limits: dict[tuple[str, str], Limit] = {}
        self._buckets: OrderedDict[tuple[str, str], _Bucket] = OrderedDict()
        self._asking: OrderedDict[tuple[str, str], _Bucket] = OrderedDict()
        self._task: asyncio.Task[None] | None = None
        self._rests_until = 0.0
        self.active = False
        """Whether there are limits at all; without any, nothing needs to be asked here."""

        self.taken = self.refused = self.leases = self.failed = self.unknown = 0

    def update(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """The limits as they are now. A limit that changed begins anew, with tokens of its own."""
        found = {
            (str(row["consumer"]), str(row["call"])): Limit(
                str(row["consumer"]),
                str(row["call"]),
                int(row["max_calls"]),
                int(row["window_seconds"]),
            )
            for row in rows
        }
        if found == self._limits:
            return
        # The same limit stays the same object: by that its buckets know that it is theirs.
        before = self._limits
        self._limits = {
            key: before[key] if before.get(key) == limit else limit for key, limit in found.items()
        }
        self.active = bool(found)
        for key, bucket in list(self._buckets.items()):
            if self.match(bucket.consumer, bucket.limit.call) != bucket.limit:
                del self._buckets[key]

    def match(self, consumer: str, call: str) -> Limit | None:
        """The most specific limit: consumer before call, both before one, one before none."""
        limits = self._limits
        return (
            limits.get((consumer, call))
            or limits.get((consumer, ANY))
            or limits.get((ANY, call))
            or limits.get((ANY, ANY))
        )

    def take(self, consumer: str, call: str) -> Taken | Awaitable[Taken]:
        """Whether a request may go on; to be awaited when the database must be asked first."""
        if not self.active:
            return FREE
        limit = self.match(consumer, call)
        if limit is None:
            return FREE
        key = consumer, limit.call
        bucket = self._buckets.get(key)
        if bucket is None or bucket.limit is not limit:
            bucket = self._new(key, consumer, limit)
        else:
            self._buckets.move_to_end(key)
        # While some wait there are no tokens: whoever came first gets the next one.
        found = bucket.take(self._monotonic())
        if found is not None:
            return self._counted(found)
        return self._wait(key, bucket)

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for bucket in self._asking.values():
            self._give_up(bucket)

    def _new(self, key: tuple[str, str], consumer: str, limit: Limit) -> _Bucket:
        bucket = self._buckets[key] = _Bucket(consumer, limit)
        self._buckets.move_to_end(key)
        if len(self._buckets) > BUCKETS:
            self._buckets.popitem(last=False)
        return bucket

    def _counted(self, taken: Taken) -> Taken:
        if taken.allowed:
            self.taken += 1
        else:
            self.refused += 1
        return taken

    async def _wait(self, key: tuple[str, str], bucket: _Bucket) -> Taken:
        if self._monotonic() < self._rests_until:
            return self._unknown(bucket)
        mine: asyncio.Future[Taken] = asyncio.get_running_loop().create_future()
        bucket.waiting.append(mine)
        self._asking[key] = bucket
        if self._task is None:
            self._task = asyncio.create_task(self._ask(), name="dbkit-gateway-limits")
        return await mine

    def _unknown(self, bucket: _Bucket) -> Taken:
        self.unknown += 1
        if self._allow_unknown:
            return Taken(True, (), 0, bucket.limit)
        raise unavailable("The rate limit cannot be looked up at the moment.")

    async def _ask(self) -> None:
        """One question at a time, for all that wait: under load they go together by themselves."""
        try:
            while self._asking:
                batch: list[tuple[tuple[str, str], _Bucket]] = []
                while self._asking and len(batch) < BATCH:
                    key, bucket = self._asking.popitem(last=False)
                    # Who came while the answer was on its way may have got of it.
                    if bucket.waiting:
                        batch.append((key, bucket))
                if batch:
                    await self._ask_for(batch)
        finally:
            self._task = None

    async def _ask_for(self, batch: list[tuple[tuple[str, str], _Bucket]]) -> None:
        asked_at = self._monotonic()
        # In one order everywhere, so that two processes never wait for each other.
        batch.sort(key=lambda pair: pair[0])
        wanted = [bucket.want(asked_at) for _, bucket in batch]
        given = [
            {
                "consumer": bucket.consumer,
                "call": bucket.limit.call,
                "max_calls": bucket.limit.max_calls,
                "window_seconds": bucket.limit.window_seconds,
                "want": want,
            }
            for (_, bucket), want in zip(batch, wanted, strict=True)
        ]
        self.leases += 1
        try:
            async with asyncio.timeout(LEASE_SECONDS):
                answers = await self._lease(given)
            by_key = {(str(each["consumer"]), str(each["call"])): each for each in answers}
            for (key, bucket), want in zip(batch, wanted, strict=True):
                self._fill(bucket, want, by_key[key], asked_at)
        except Exception:
            self.failed += 1
            self._rests_until = self._monotonic() + REST_SECONDS
            for _, bucket in batch:
                self._give_up(bucket)
            return
        except asyncio.CancelledError:
            for _, bucket in batch:
                self._give_up(bucket)
            raise
        for key, bucket in batch:
            self._serve(key, bucket)

    def _fill(self, bucket: _Bucket, want: int, answer: Mapping[str, Any], asked_at: float) -> None:
        granted = int(answer["granted"])
        bucket.ends_at = asked_at + self._seconds(answer, bucket.limit.window_seconds)
        bucket.tokens += granted
        # Fewer than asked for: there are no more, whatever else is said. Else who waits would ask
        # again and again.
        bucket.left = int(answer["remaining"]) if granted >= want else 0

    def _seconds(self, answer: Mapping[str, Any], window: int) -> float:
        """Until the window ends, told by the database; the clocks may differ where it tells only
        the time of it."""
        said = answer.get("resets_in")
        if said is not None:
            found = float(said)
        else:
            at = answer["resets_at"]
            moment = datetime.datetime.fromisoformat(at) if isinstance(at, str) else at
            found = moment.timestamp() - self._now()
        return min(max(found, 0.001), float(window))

    def _serve(self, key: tuple[str, str], bucket: _Bucket) -> None:
        """Who waits gets what came; for those who came meanwhile the question is put again."""
        now = self._monotonic()
        while bucket.waiting:
            # What was granted for those who wait is theirs, also when the answer took so long that
            # the window is over: it counted in it.
            taken = bucket.take(min(now, bucket.ends_at - 0.0005))
            if taken is None:
                self._asking[key] = bucket
                return
            mine = bucket.waiting.popleft()
            if mine.done():
                if taken.allowed:
                    bucket.tokens += 1
                continue
            mine.set_result(self._counted(taken))

    def _give_up(self, bucket: _Bucket) -> None:
        while bucket.waiting:
            mine = bucket.waiting.popleft()
            if mine.done():
                continue
            try:
                mine.set_result(self._unknown(bucket))
            except Refused as error:
                mine.set_exception(error)
