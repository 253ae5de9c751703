"""A worker's connections: one for each task, made when needed, and made again when lost."""

from __future__ import annotations

from typing import Any, TypeAlias

import psycopg
from psycopg import sql

Connection: TypeAlias = "psycopg.AsyncConnection[tuple[Any, ...]]"

_OPTIONS: dict[str, Any] = {
    "application_name": "dbkit worker",
    "connect_timeout": 10,
    # A server that is gone without a word is noticed within a minute.
    "keepalives_idle": 20,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
_SESSION = "set default_transaction_isolation = 'read committed'; set jit = off"


class Link:
    """A connection in autocommit, opened at the first use."""

    def __init__(self, url: str, role: str | None = None) -> None:
        self._url = url
        self._role = role
        self._connection: Connection | None = None

    async def open(self) -> Connection:
        """The connection that there is, or a new one."""
        connection = self._connection
        if connection is not None and not connection.closed and not connection.broken:
            return connection
        await self.close()
        made: Connection = await psycopg.AsyncConnection.connect(
            self._url, autocommit=True, **_OPTIONS
        )
        try:
            await made.execute(_SESSION)
            if self._role is not None:
                await made.execute(sql.SQL("set role {}").format(sql.Identifier(self._role)))
        except BaseException:
            await made.close()
            raise
        self._connection = made
        return made

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
