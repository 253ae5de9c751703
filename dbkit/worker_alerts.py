"""The worker's task `alerts`: sends the notices of alerts that are due, through Apprise.

A notice is leased by a committed transaction before it is sent, and settled by its token after: a
worker that dies leaves what another sends again. Apprise blocks, so each notice has a thread.
"""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

import psycopg
from structlog.typing import FilteringBoundLogger

from dbkit.egress import AllowList
from dbkit.notices import Kind, notice_type, render, send
from dbkit.worker_link import Connection
from dbkit.worker_metrics import Metrics

NOTICES = 10
"""At a time; the database gives no more than four of one channel."""

LEASE_SECONDS = 180
SEND_SECONDS = 120.0
"""Longer than Apprise's own time-outs; shorter than the lease."""

STALE = "KD731"
_CLAIM = (
    "select notification_id, alert_id, channel, kind, url, token, attempt, notice"
    " from dbkit.claim_alert_notifications(%s, %s, %s)"
)
_SETTLE = "select dbkit.settle_alert_notification(%s, %s, %s)"


class Claimed(NamedTuple):
    """A row of claim_alert_notifications."""

    notification_id: int
    alert_id: int
    channel: str
    kind: Kind
    url: str | None
    token: int
    attempt: int
    notice: dict[str, Any]


class Notices:
    """A step of the worker: claim, send, settle."""

    def __init__(
        self, *, worker: str, allow: AllowList, metrics: Metrics, log: FilteringBoundLogger
    ) -> None:
        self._worker = worker
        self._allow = allow
        self._metrics = metrics
        self._log = log
        self.moved = 0

    async def step(self, connection: Connection) -> bool:
        """Whether there may be more."""
        cursor = await connection.execute(_CLAIM, (self._worker, NOTICES, LEASE_SECONDS))
        claimed = [Claimed(*row) for row in await cursor.fetchall()]
        # Each is settled when it is done, so that a slow one does not keep the others unsettled.
        sending = [asyncio.create_task(self._send(each)) for each in claimed]
        try:
            for done in asyncio.as_completed(sending):
                await self._settle(connection, *await done)
        finally:
            for task in sending:
                task.cancel()
        return bool(claimed)

    async def _send(self, claimed: Claimed) -> tuple[Claimed, str | None]:
        try:
            message = render(claimed.kind, claimed.notice)
            kind = notice_type(claimed.notice)
            async with asyncio.timeout(SEND_SECONDS):
                return claimed, await asyncio.to_thread(
                    send, claimed.url, message, kind, self._allow
                )
        except TimeoutError:
            return claimed, f"timeout: no answer within {SEND_SECONDS:g} s"
        except Exception as error:
            self._log.exception("a notice cannot be made", notification=claimed.notification_id)
            return claimed, f"error: {type(error).__name__}"

    async def _settle(self, connection: Connection, claimed: Claimed, error: str | None) -> None:
        said: dict[str, Any] = {
            "notification": claimed.notification_id,
            "alert": claimed.alert_id,
            "channel": claimed.channel,
            "attempt": claimed.attempt,
        }
        self.moved += 1
        try:
            await connection.execute(_SETTLE, (claimed.notification_id, claimed.token, error))
        except psycopg.Error as problem:
            if problem.sqlstate != STALE:
                raise
            self._metrics.notice("stale")
            self._log.warning("a notice was settled too late", **said)
            return
        if error is None:
            self._metrics.notice("sent")
            self._log.info("notice sent", **said)
        else:
            self._metrics.notice(error.partition(":")[0])
            self._log.warning("notice not sent", error=error, **said)
