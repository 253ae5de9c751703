"""`Database` and `AsyncDatabase`: a pool of connections that calls run on.

Every `run` is a transaction of its own: role, request context, the call, COMMIT. A read that
needs neither role nor context is a single statement. Both settings are local to the transaction,
so a connection carries nothing of one request to the next, also after an exception.
`transaction()` runs several calls in one. What may be repeated is decided in `may_retry`.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias, TypeVar

import psycopg
import psycopg_pool
from psycopg import sql

from dbkit.call import Call
from dbkit.context import SET_CONTEXT, RequestContext
from dbkit.errors import IdempotencyKeyInFlight, translated

T = TypeVar("T")

_Connection: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"
_AsyncConnection: TypeAlias = "psycopg.AsyncConnection[tuple[Any, ...]]"

_ROLLED_BACK = ("40001", "40P01")
_SERVER_LEAVES = ("57P01", "57P02", "57P03", "57P05")
_POOL_ERRORS = (
    psycopg_pool.PoolTimeout,
    psycopg_pool.PoolClosed,
    psycopg_pool.TooManyRequests,
)


class OutcomeUnknown(psycopg.OperationalError):
    """The connection broke while COMMIT was under way: the write may or may not have happened.

    It is not repeated. Ask the database, or give the call an idempotency key beforehand.
    """


@dataclass(frozen=True)
class Retry:
    """How often, and how long to wait before the next attempt: a random share of a time that
    doubles. Seconds. The random source (0 to 1) and both sleeps can be replaced in a test."""

    attempts: int = 5
    first_seconds: float = 0.05
    longest_seconds: float = 2.0
    random: Callable[[], float] = random.random
    sleep: Callable[[float], None] = time.sleep
    async_sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    def pause(self, attempt: int) -> float:
        """Seconds to wait after a failed attempt (the first is 1)."""
        return self.random() * min(self.longest_seconds, self.first_seconds * 2.0 ** (attempt - 1))


class Stage(Enum):
    """How far an attempt came."""

    BEFORE = "the call was not sent"
    SENT = "the call was sent, COMMIT was not"
    COMMITTING = "COMMIT was sent"


def lost_connection(error: BaseException) -> bool:
    """Whether the server or the line went away (an error of the pool itself is none of both)."""
    if not isinstance(error, psycopg.OperationalError) or isinstance(error, _POOL_ERRORS):
        return False
    sqlstate = error.sqlstate
    return sqlstate is None or sqlstate.startswith("08") or sqlstate in _SERVER_LEAVES


def may_retry(error: BaseException, call: Call[Any], stage: Stage) -> bool:
    """Whether another attempt can do no harm.

    The server rolled back for sure (serialization failure, deadlock); or the connection was lost
    before the call was sent; or the call reads only, or carries an idempotency key.
    """
    if isinstance(error, psycopg.Error) and error.sqlstate in _ROLLED_BACK:
        return True
    if not lost_connection(error):
        return False
    return stage is Stage.BEFORE or call.reads_only or call.idempotent


@dataclass
class _Attempts:
    """The decisions of one `run`: its loop, written twice (sync and async), makes none."""

    call: Call[Any]
    retry: Retry
    number: int = 1
    stage: Stage = field(default=Stage.BEFORE)

    def pause_after(self, error: psycopg.Error | IdempotencyKeyInFlight) -> float:
        """Seconds until the next attempt; raises when there must be none."""
        # With the connection gone, an attempt of ours may still be running on the server.
        ours = isinstance(error, IdempotencyKeyInFlight) and self.number > 1
        harmless = ours or may_retry(error, self.call, self.stage)
        if self.number < self.retry.attempts and harmless:
            self.number, self.stage = self.number + 1, Stage.BEFORE
            return self.retry.pause(self.number - 1)
        _raise_outcome(error, self.stage is Stage.COMMITTING and not self.call.reads_only)
        raise error


def _raise_outcome(error: Exception, committing: bool) -> None:
    if committing and lost_connection(error):
        raise OutcomeUnknown(
            "the connection broke during COMMIT: it is not known whether the write happened"
        ) from error


def _conninfo(url: str) -> str:
    """libpq's form of a URL that may be SQLAlchemy's."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def _set_role(role: str) -> sql.Composed:
    return sql.SQL("set local role {}").format(sql.Identifier(role))


@dataclass(frozen=True)
class Transaction:
    """An open transaction; calls run in it one after the other."""

    connection: _Connection
    """For statements of your own, and for savepoints (`with tx.connection.transaction():`)."""

    def run(self, call: Call[T]) -> T:
        """Run a call. Nothing is repeated: only you know what came before it."""
        return call.run(self.connection)


@dataclass(frozen=True)
class AsyncTransaction:
    """As `Transaction`."""

    connection: _AsyncConnection

    async def run(self, call: Call[T]) -> T:
        """Run a call. Nothing is repeated: only you know what came before it."""
        return await call.arun(self.connection)


class Database:
    """A pool of connections to one database. Opens at the first use; close it, or use `with`.

    `timeout` is how long a caller waits for a free connection, in seconds
    (then `psycopg_pool.PoolTimeout`); `max_waiting` how many may wait (0: no limit).
    `connect_options` are psycopg's, for example `{"application_name": "shop"}`.
    """

    def __init__(
        self,
        url: str,
        *,
        min_size: int = 1,
        max_size: int = 10,
        timeout: float = 10.0,
        max_waiting: int = 0,
        retry: Retry | None = None,
        connect_options: dict[str, Any] | None = None,
    ) -> None:
        self._retry = retry or Retry()
        self._pool: psycopg_pool.ConnectionPool[_Connection] = psycopg_pool.ConnectionPool(
            _conninfo(url),
            min_size=min_size,
            max_size=max_size,
            timeout=timeout,
            max_waiting=max_waiting,
            kwargs={**(connect_options or {}), "autocommit": True},
            open=False,
        )

    def __enter__(self) -> Database:
        self._pool.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection; a closed Database cannot be used again."""
        self._pool.close()

    def run(
        self, call: Call[T], *, context: RequestContext | None = None, role: str | None = None
    ) -> T:
        """Run a call in a transaction of its own, and again where that can do no harm.

        Raises `dbkit.errors` for dbkit's SQLSTATEs, psycopg's exceptions for others, and
        OutcomeUnknown when the connection broke during the COMMIT of a write.
        """
        attempts = _Attempts(call, self._retry)
        while True:
            try:
                return self._once(attempts, call, context, role)
            except (psycopg.Error, IdempotencyKeyInFlight) as error:
                self._retry.sleep(attempts.pause_after(error))
                if lost_connection(error):
                    self._pool.check()

    def _once(
        self,
        attempts: _Attempts,
        call: Call[T],
        context: RequestContext | None,
        role: str | None,
    ) -> T:
        with self._connection() as connection:
            if call.reads_only and context is None and role is None:
                return call.run(connection)
            with translated(), connection.transaction():
                _introduce(connection, context, role)
                attempts.stage = Stage.SENT
                answer = call.run(connection)
                attempts.stage = Stage.COMMITTING
            return answer

    @contextmanager
    def transaction(
        self, *, context: RequestContext | None = None, role: str | None = None
    ) -> Generator[Transaction, None, None]:
        """Several calls in one transaction; rolled back when the block raises. Nothing is repeated.

        Raises OutcomeUnknown when the connection broke during COMMIT.
        """
        done = False
        try:
            with self._connection() as connection, translated(), connection.transaction():
                _introduce(connection, context, role)
                yield Transaction(connection)
                done = True
        except psycopg.Error as error:
            _raise_outcome(error, done)
            raise

    @contextmanager
    def _connection(self) -> Generator[_Connection, None, None]:
        self._pool.open()
        with self._pool.connection() as connection:
            yield connection


def _introduce(connection: _Connection, context: RequestContext | None, role: str | None) -> None:
    if role is not None:
        connection.execute(_set_role(role))
    if context is not None:
        connection.execute(SET_CONTEXT, (context.as_json(),))


class AsyncDatabase:
    """As `Database`, for asyncio: `async with AsyncDatabase(url) as db: await db.run(call)`."""

    def __init__(
        self,
        url: str,
        *,
        min_size: int = 1,
        max_size: int = 10,
        timeout: float = 10.0,
        max_waiting: int = 0,
        retry: Retry | None = None,
        connect_options: dict[str, Any] | None = None,
    ) -> None:
        self._retry = retry or Retry()
        self._pool: psycopg_pool.AsyncConnectionPool[_AsyncConnection] = (
            psycopg_pool.AsyncConnectionPool(
                _conninfo(url),
                min_size=min_size,
                max_size=max_size,
                timeout=timeout,
                max_waiting=max_waiting,
                kwargs={**(connect_options or {}), "autocommit": True},
                open=False,
            )
        )

    async def __aenter__(self) -> AsyncDatabase:
        await self._pool.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection; a closed AsyncDatabase cannot be used again."""
        await self._pool.close()

    async def run(
        self, call: Call[T], *, context: RequestContext | None = None, role: str | None = None
    ) -> T:
        """As `Database.run`."""
        attempts = _Attempts(call, self._retry)
        while True:
            try:
                return await self._once(attempts, call, context, role)
            except (psycopg.Error, IdempotencyKeyInFlight) as error:
                await self._retry.async_sleep(attempts.pause_after(error))
                if lost_connection(error):
                    await self._pool.check()

    async def _once(
        self,
        attempts: _Attempts,
        call: Call[T],
        context: RequestContext | None,
        role: str | None,
    ) -> T:
        async with self._connection() as connection:
            if call.reads_only and context is None and role is None:
                return await call.arun(connection)
            with translated():
                async with connection.transaction():
                    await _aintroduce(connection, context, role)
                    attempts.stage = Stage.SENT
                    answer = await call.arun(connection)
                    attempts.stage = Stage.COMMITTING
            return answer

    @asynccontextmanager
    async def transaction(
        self, *, context: RequestContext | None = None, role: str | None = None
    ) -> AsyncGenerator[AsyncTransaction, None]:
        """As `Database.transaction`."""
        done = False
        try:
            async with self._connection() as connection:
                with translated():
                    async with connection.transaction():
                        await _aintroduce(connection, context, role)
                        yield AsyncTransaction(connection)
                        done = True
        except psycopg.Error as error:
            _raise_outcome(error, done)
            raise

    @asynccontextmanager
    async def _connection(self) -> AsyncGenerator[_AsyncConnection, None]:
        await self._pool.open()
        async with self._pool.connection() as connection:
            yield connection


async def _aintroduce(
    connection: _AsyncConnection, context: RequestContext | None, role: str | None
) -> None:
    if role is not None:
        await connection.execute(_set_role(role))
    if context is not None:
        await connection.execute(SET_CONTEXT, (context.as_json(),))
