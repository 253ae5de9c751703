"""The worker's task `webhooks`: claims what is due, signs and sends it, settles what came of it.

Everything that must not be lost is in the database. A delivery is leased by a committed
transaction before it is sent, and is settled by its token: a worker that dies, or sleeps beyond its
lease, leaves what somebody else sends again under the same webhook-id, and its own late words are
refused. Answers are settled in batches, in one transaction with the next claim.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec
import psycopg
from standardwebhooks import Webhook
from structlog.typing import FilteringBoundLogger

from dbkit.database import lost_connection
from dbkit.egress import Header, Sender, SendError
from dbkit.worker_link import Connection, Link
from dbkit.worker_metrics import Metrics

BATCH = 64
"""So many answers are settled at once, or fewer when the first of them has waited FLUSH_SECONDS."""

FLUSH_SECONDS = 0.015
MAX_BATCH = 500
MAX_SECRETS = 10_000
UNSIGNABLE_SECONDS = 30.0
"""So long nobody asks again for secrets that could not be opened."""

UNSIGNABLE = "secrets: the signing secrets of the subscription cannot be opened"
ROLLED_BACK = ("40001", "40P01", "55P03", "57014")
"""Serialization, deadlock, lock not available, cancelled: the same again may well succeed."""

_CLAIM = (
    "select delivery_id, token, subscription_id::text, webhook_id, attempt, url, headers::text,"
    " timeout_seconds, secrets_version, body from dbkit.claim_deliveries(%s, %s, %s)"
)
_SETTLE = "select dbkit.settle_deliveries(%s)"
_RELEASE = "select dbkit.release_deliveries(%s)"
_SECRETS = (
    "select subscription_id::text, secrets, secrets_version, extract(epoch from"
    " least(valid_until, dbkit.clock() + interval '1 day') - dbkit.clock())::float8"
    " from dbkit.get_signing_secrets(%s::uuid[])"
)


class Claimed(NamedTuple):
    """A row of claim_deliveries."""

    delivery_id: int
    token: int
    subscription_id: str
    webhook_id: str
    attempt: int
    url: str
    headers: str
    timeout_seconds: int
    secrets_version: int
    body: str


class Lease(msgspec.Struct):
    delivery_id: int
    token: int


class Result(Lease, omit_defaults=True):
    """An element of settle_deliveries' argument."""

    duration_ms: int
    status_code: int | None = None
    error: str | None = None
    retry_after: str | None = None
    response: str | None = None

    @property
    def outcome(self) -> str:
        """As it is counted: delivered, refused, or the kind of the error."""
        if self.error is not None:
            return self.error.partition(":")[0]
        return "delivered" if self.status_code and 200 <= self.status_code < 300 else "refused"


@dataclass(frozen=True, slots=True)
class Signers:
    """Of one subscription; several while a secret is being replaced, none where none opens."""

    version: int
    valid_until: float
    webhooks: tuple[Webhook, ...]

    def sign(self, webhook_id: str, at: datetime, body: str) -> bytes:
        return " ".join(each.sign(webhook_id, at, body) for each in self.webhooks).encode()


class Keyring:
    """Signers by subscription, asked for once a version, and again when a secret expires."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Signers] = OrderedDict()

    def get(self, claimed: Claimed) -> Signers | None:
        found = self._known.get(claimed.subscription_id)
        if found is None or found.version < claimed.secrets_version:
            return None
        return found if time.monotonic() < found.valid_until else None

    async def load(self, connection: Connection, claims: Sequence[Claimed]) -> None:
        missing = {each.subscription_id for each in claims if self.get(each) is None}
        if not missing:
            return
        cursor = await connection.execute(_SECRETS, (list(missing),))
        now = time.monotonic()
        for subscription_id, secrets, version, seconds in await cursor.fetchall():
            webhooks = tuple(Webhook(secret) for secret in secrets)
            valid = seconds if webhooks else min(seconds, UNSIGNABLE_SECONDS)
            self._known[subscription_id] = Signers(version, now + valid, webhooks)
        while len(self._known) > MAX_SECRETS:
            self._known.popitem(last=False)


@lru_cache(maxsize=10_000)
def request_headers(extra: str, user_agent: str) -> tuple[Header, ...]:
    """What does not change from one request of a subscription to the next."""
    found = {b"user-agent": user_agent.encode(), b"content-type": b"application/json"}
    for name, value in msgspec.json.decode(extra, type=dict[str, str]).items():
        found[name.lower().encode()] = value.encode()
    return tuple(found.items())


def origin(url: str) -> str:
    """What a log may say of a URL: neither path nor query, where receivers put their secrets."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


class Deliveries:
    """Sends at most `concurrency` requests at a time; the database bounds each endpoint."""

    def __init__(
        self,
        link: Link,
        sender: Sender,
        *,
        worker: str,
        user_agent: str,
        concurrency: int,
        lease_seconds: int,
        metrics: Metrics,
        log: FilteringBoundLogger,
    ) -> None:
        self.link = link
        self._sender = sender
        self._worker = worker
        self._user_agent = user_agent
        self._concurrency = concurrency
        self._lease_seconds = lease_seconds
        self._margin = min(5.0, lease_seconds / 4)
        self._metrics = metrics
        self._log = log
        self._keys = Keyring()
        self._sending: set[asyncio.Task[None]] = set()
        self._results: list[Result] = []
        self._releases: list[Lease] = []
        self._go = asyncio.Event()
        self._flush: asyncio.TimerHandle | None = None
        self._look = False
        self._exchanging = False
        self._one_by_one = False
        self._stopping = False
        self.progress = 0
        metrics.watch_in_flight(lambda: len(self._sending))

    @property
    def in_flight(self) -> int:
        return len(self._sending)

    @property
    def idle(self) -> bool:
        waiting = self._sending or self._results or self._releases
        return not (waiting or self._look or self._exchanging)

    def look(self) -> None:
        """Something may be due."""
        self._look = True
        self._go.set()

    async def run(self) -> None:
        """Until cancelled."""
        failures = 0
        while True:
            await self._go.wait()
            try:
                await self._turn()
                failures = 0
            except psycopg.Error as error:
                failures += 1
                await self._mend(error, failures)

    async def finish(self, grace: float) -> None:
        """Claims no more; what is under way has that many seconds, the rest is given back.

        `run` goes on until then: it settles.
        """
        self._stopping = True
        if self._sending:
            await asyncio.wait(self._sending, timeout=grace)
        for task in self._sending:
            task.cancel()
        if self._sending:
            await asyncio.wait(self._sending)

    async def settle_rest(self) -> None:
        """The last words, when `run` has ended."""
        while self._results or self._releases:
            await self._turn()

    # --- the exchange with the database ------------------------------------------------------

    async def _turn(self) -> None:
        """Settles what has been answered and claims what is due for the slots that are free."""
        self._go.clear()
        self._look = False
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        self._one_by_one = self._one_by_one and bool(self._results)
        results = self._results[: 1 if self._one_by_one else MAX_BATCH]
        releases = self._releases[:MAX_BATCH]
        free = min(self._concurrency - self.in_flight, MAX_BATCH)
        if self._stopping or self._one_by_one:
            free = 0
        if not (results or releases or free > 0):
            return
        self._exchanging = True
        try:
            connection = await self.link.open()
            deadline = time.monotonic() + self._lease_seconds
            claimed = await self._exchange(connection, results, releases, free)
            del self._results[: len(results)]
            del self._releases[: len(releases)]
            self._count(results)
            self.progress += len(results) + len(claimed)
            await self._start(connection, claimed, deadline)
        finally:
            self._exchanging = False
            if self._results or self._releases:
                self._go.set()

    async def _exchange(
        self,
        connection: Connection,
        results: Sequence[Result],
        releases: Sequence[Lease],
        free: int,
    ) -> list[Claimed]:
        """One round trip and, as a pipeline without a sync within, one transaction."""
        settling = claiming = None
        async with connection.pipeline():
            if results:
                given = (msgspec.json.encode(results).decode(),)
                settling = await connection.execute(_SETTLE, given, prepare=True)
            if releases:
                given = (msgspec.json.encode(releases).decode(),)
                await connection.execute(_RELEASE, given)
            if free > 0:
                asked = (self._worker, free, self._lease_seconds)
                claiming = await connection.execute(_CLAIM, asked, prepare=True)
        if settling is not None:
            ((answer,),) = await settling.fetchall()
            if answer["stale"]:
                self._metrics.deliveries("stale", len(answer["stale"]))
                self._log.warning("settled too late", deliveries=answer["stale"])
        if releases:
            self._metrics.deliveries("released", len(releases))
        return [] if claiming is None else [Claimed(*row) for row in await claiming.fetchall()]

    def _count(self, results: Sequence[Result]) -> None:
        self._metrics.durations(each.duration_ms / 1000 for each in results)
        delivered = 0
        for each in results:
            if (outcome := each.outcome) == "delivered":
                delivered += 1
            else:
                self._metrics.deliveries(outcome)
        if delivered:
            self._metrics.deliveries("delivered", delivered)

    async def _mend(self, error: psycopg.Error, failures: int) -> None:
        """Nothing was committed, or nobody knows: the same results are settled again."""
        self._metrics.error("webhooks")
        self._log.warning("webhooks: database error", error=_text(error), failures=failures)
        if lost_connection(error):
            await self.link.close()
        elif error.sqlstate not in ROLLED_BACK:
            # One that the database refuses must not keep the others: its lease ends by itself.
            if self._one_by_one and self._results:
                dropped = self._results.pop(0)
                self._log.error("a result is dropped", delivery_id=dropped.delivery_id)
            self._one_by_one = True
        pause = min(5.0, 0.05 * 2.0 ** min(failures, 10))
        await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311
        self.look()

    # --- sending -----------------------------------------------------------------------------

    async def _start(
        self, connection: Connection, claimed: Sequence[Claimed], deadline: float
    ) -> None:
        try:
            await self._keys.load(connection, claimed)
        except BaseException:
            self._releases += [Lease(each.delivery_id, each.token) for each in claimed]
            raise
        for each in claimed:
            signers = self._keys.get(each)
            if signers is None:
                # Its subscription or secret was deleted a moment ago.
                self._releases.append(Lease(each.delivery_id, each.token))
                continue
            if not signers.webhooks:
                # Nobody could verify it. Tried again, because whoever restores the key mends it.
                result = Result(each.delivery_id, each.token, 0, error=UNSIGNABLE)
                self._tell(each, result)
                self._results.append(result)
                continue
            task = asyncio.create_task(self._send(each, signers, deadline))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _send(self, claimed: Claimed, signers: Signers, deadline: float) -> None:
        # A time-out ends before the lease does, so that the answer can still be settled.
        seconds = min(float(claimed.timeout_seconds), self._lease_seconds - self._margin)
        started = time.monotonic()
        if deadline - started < seconds + self._margin / 2:
            self._release(claimed)
            return
        result = Result(claimed.delivery_id, claimed.token, 0)
        try:
            now = time.time()
            at = datetime.fromtimestamp(now, UTC)
            answer = await self._sender.post(
                claimed.url,
                (
                    *request_headers(claimed.headers, self._user_agent),
                    (b"webhook-id", claimed.webhook_id.encode()),
                    (b"webhook-timestamp", b"%d" % int(now)),
                    (b"webhook-signature", signers.sign(claimed.webhook_id, at, claimed.body)),
                ),
                claimed.body.encode(),
                seconds=seconds,
            )
            result.status_code = answer.status
            if not 200 <= answer.status < 300:
                result.retry_after, result.response = answer.retry_after, answer.excerpt
        except SendError as error:
            result.error = f"{error.kind}: {error}"
        except asyncio.CancelledError:
            self._release(claimed)
            return
        except Exception as error:
            self._log.exception("sending failed", delivery_id=claimed.delivery_id)
            result.error = f"protocol: {type(error).__name__}"
        result.duration_ms = round((time.monotonic() - started) * 1000)
        if result.outcome != "delivered":
            self._tell(claimed, result)
        self._results.append(result)
        self._answered()

    def _answered(self) -> None:
        """Flushes now when enough has come, or when little more is to come; else in a moment."""
        self._leave()
        answered = len(self._results)
        if answered >= BATCH or answered >= self.in_flight:
            self._go.set()
        elif self._flush is None:
            self._flush = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._go.set)

    def _release(self, claimed: Claimed) -> None:
        self._releases.append(Lease(claimed.delivery_id, claimed.token))
        self._leave()
        self._go.set()

    def _leave(self) -> None:
        """Its slot is free before the turn that it brings about, not only when the task ends."""
        task = asyncio.current_task()
        if task is not None:
            self._sending.discard(task)

    def _tell(self, claimed: Claimed, result: Result) -> None:
        self._log.warning(
            "delivery failed",
            delivery_id=claimed.delivery_id,
            subscription_id=claimed.subscription_id,
            webhook_id=claimed.webhook_id,
            attempt=claimed.attempt,
            url=origin(claimed.url),
            status_code=result.status_code,
            error=result.error,
            duration_ms=result.duration_ms,
        )


def _text(error: psycopg.Error) -> str:
    """Without what a DETAIL could give away."""
    return error.diag.message_primary or str(error).strip().partition("\n")[0]
