"""What a gateway asks the database beside its requests: the catalog, keys, limits, the log.

One connection for statements, each in a transaction of its own as service_role, and one that
listens. Where nothing can be heard (a pooler in between) the catalog is read by the clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import select
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

import psycopg
import structlog

Connection: TypeAlias = "psycopg.AsyncConnection[tuple[Any, ...]]"
Hear: TypeAlias = Callable[[str, str], None]
"""Called with channel and payload of a notification."""

CHANNELS = ("dbkit_api_calls", "dbkit_api_version", "dbkit_rate_limits", "dbkit_api_keys")
_OPTIONS: dict[str, Any] = {
    "application_name": "dbkit gateway, backstage",
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
_STATEMENT_SECONDS = 10
_RETRY_SECONDS = 1.0

_log = structlog.get_logger("dbkit.gateway")


class Line:
    """One connection for statements, one after the other; a lost one is made again."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = asyncio.Lock()
        self._connection: Connection | None = None

    async def ask(self, sql: str, *parameters: object) -> Any:
        """The first column of the first row, as service_role, in a transaction of its own.

        Raises psycopg's errors, OSError and TimeoutError.
        """
        async with asyncio.timeout(_STATEMENT_SECONDS), self._lock:
            try:
                return await self._ask(sql, parameters)
            except (psycopg.OperationalError, TimeoutError, asyncio.CancelledError):
                await self.close()
                raise

    async def _ask(self, sql: str, parameters: tuple[object, ...]) -> Any:
        if self._connection is None or _spoken(self._connection):
            await self.close()
            self._connection = await psycopg.AsyncConnection.connect(
                self._url, autocommit=True, prepare_threshold=None, **_OPTIONS
            )
        connection = self._connection
        async with connection.pipeline(), connection.transaction():
            await connection.execute("set local role service_role")
            cursor = await connection.execute(sql.encode(), parameters)
            row = await cursor.fetchone()
        return None if row is None else row[0]

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(psycopg.Error, OSError):
                await connection.close()


def _spoken(connection: Connection) -> bool:
    """Whether an idle connection has something to say: it was ended, by a restart for example."""
    if connection.closed:
        return True
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


class Backstage:
    """Requests may wait for keys and limits: the log has a line of its own."""

    def __init__(self, url: str) -> None:
        self._url = url.replace("postgresql+psycopg://", "postgresql://", 1)
        self._asked = Line(self._url)
        self._told = Line(self._url)
        self._listener: asyncio.Task[None] | None = None

    async def catalog(self) -> dict[str, Any]:
        """`dbkit.gateway_catalog()`: versions, calls and limits."""
        found: dict[str, Any] = json.loads(
            await self._asked.ask("select dbkit.gateway_catalog()::text")
        )
        return found

    async def find_key(self, digest: str) -> dict[str, Any] | None:
        """An API key by the SHA-256 of its secret."""
        found = await self._asked.ask("select dbkit.find_api_key(%s)::text", digest)
        row: dict[str, Any] | None = None if found is None else json.loads(found)
        return row

    async def touch_keys(self, key_ids: Sequence[str]) -> None:
        """Note that these API keys were used."""
        await self._asked.ask("select dbkit.touch_api_keys(%s)::text", list(key_ids))

    async def lease(self, wanted: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Tokens of rate limits (`dbkit.lease_rate_limit`)."""
        granted: list[dict[str, Any]] = json.loads(
            await self._asked.ask(
                "select dbkit.lease_rate_limit(%s::jsonb)::text", json.dumps(wanted)
            )
        )
        return granted

    async def log_requests(self, entries: str) -> None:
        """Write rows of the request log: a JSON array."""
        await self._told.ask("select dbkit.log_api_requests(%s::jsonb)", entries)

    async def record_metrics(self, events: str) -> None:
        """Write metric events of the gateway itself: a JSON array."""
        await self._told.ask("select dbkit.ingest_metrics(%s::jsonb)::text", events)

    def listen(self, hear: Hear, again: Callable[[], Awaitable[None]]) -> None:
        """Call `hear` for each notification, and `again` whenever some may have been missed."""
        self._listener = asyncio.create_task(self._listen(hear, again))

    async def close(self) -> None:
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)
        await self._asked.close()
        await self._told.close()

    async def _listen(self, hear: Hear, again: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._url, autocommit=True, **_OPTIONS
                ) as connection:
                    for channel in CHANNELS:
                        await connection.execute(f"listen {channel}".encode())
                    await again()
                    async for notice in connection.notifies():
                        hear(notice.channel, notice.payload)
            except (psycopg.Error, OSError) as error:
                _log.debug("cannot listen", reason=str(error))
            await asyncio.sleep(_RETRY_SECONDS)
