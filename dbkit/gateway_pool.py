"""The gateway's connections: one prepared statement a request, straight on libpq.

A session is held for one statement, which is one transaction: role, context and call travel
together (`dbkit.serve_call`), so that nothing of a request is left for the next one, whatever
ends it. The pool keeps its size by itself; nobody waits for a database that is away, and no more
than `max_waiting` requests wait for a session.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import psycopg
from psycopg import pq
from psycopg.pq import DiagnosticField, ExecStatus

Parameters: TypeAlias = "list[bytes | None]"

SERVE = b"select data, meta from dbkit.serve_call($1, $2, $3, $4, $5, $6, $7, $8)"
_PREPARED = b"dbkit_serve"
_DEADLINE = b"select set_config('statement_timeout', $1, true)"
_TIMEOUT = b"select setting from pg_catalog.pg_settings where name = 'statement_timeout'"

_CONNECT_SECONDS = 5
_RETRY_SECONDS = 0.25
_PATIENCE_SECONDS = 2.0
_SWEEP_SECONDS = 0.25
_OPTIONS: dict[str, Any] = {
    "application_name": "dbkit gateway",
    "client_encoding": "UTF8",
    "connect_timeout": _CONNECT_SECONDS,
    # A server that is gone without a word is noticed within half a minute.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
# What a pooler in between says to a statement that another of its connections has prepared.
_NOT_PREPARED = ("26000", "42P05")
_FATAL = ("FATAL", "PANIC")
# An operator ended the connection in the middle of a call: it is rolled back for certain.
_ENDED = "57P"


class Busy(Exception):
    """Every session is taken and enough requests wait already, or one has waited too long."""


class Away(Exception):
    """The database cannot be reached, or the connection broke. `sent`: the call may be done."""

    def __init__(self, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.sent = sent


class Silent(Away):
    """No answer came in time, not even that of the server's own time-out."""

    def __init__(self) -> None:
        super().__init__("the server does not answer", sent=True)


class Failed(Exception):
    """The database refused the call: SQLSTATE, and what the error says."""

    def __init__(
        self,
        sqlstate: str,
        message: str,
        detail: str | None = None,
        hint: str | None = None,
        *,
        fatal: bool = False,
    ) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate
        self.message = message
        self.detail = detail
        self.hint = hint
        self.fatal = fatal
        """The connection ends with it."""


@dataclass(frozen=True, slots=True)
class Served:
    """The answer of `dbkit.serve_call`: two JSON texts, not parsed."""

    data: bytes
    meta: bytes


class Session:
    """One connection, used by one request at a time.

    psycopg opens it; statements go over its `pgconn` with a reader that stays registered, which is
    a fifth of what a cursor costs (`python -m benchmarks --only gateway`).
    """

    def __init__(
        self, connection: psycopg.AsyncConnection[Any], on_lost: Callable[[Session], None]
    ) -> None:
        self._connection = connection
        self._pgconn = connection.pgconn
        self._loop = asyncio.get_running_loop()
        self._on_lost = on_lost
        self._waiting: asyncio.Future[list[pq.abc.PGresult]] | None = None
        self._results: list[pq.abc.PGresult] = []
        self._piped = False
        self._writing = False
        self._socket = self._pgconn.socket
        self.prepared = False
        self.lost = False
        self.until = math.inf
        """Time by which an answer must have come; infinite while no request has the session."""
        self._loop.add_reader(self._socket, self.look)

    async def prepare(self) -> None:
        """Parse the statement once for all calls of this session."""
        _check(await self._send(lambda: self._pgconn.send_prepare(_PREPARED, SERVE)))
        self.prepared = True

    def call(self, parameters: Parameters) -> asyncio.Future[list[pq.abc.PGresult]]:
        """Send a call as one statement; the future has its results."""
        return self._send(lambda: self._send_call(parameters))

    def call_within(
        self, parameters: Parameters, milliseconds: int
    ) -> asyncio.Future[list[pq.abc.PGresult]]:
        """As `call`, with a time-out that the server keeps; still one round trip."""
        pgconn = self._pgconn

        def send() -> None:
            pgconn.enter_pipeline_mode()
            pgconn.send_query_params(b"begin", None)
            pgconn.send_query_params(_DEADLINE, [b"%d" % milliseconds])
            self._send_call(parameters)
            pgconn.send_query_params(b"commit", None)
            pgconn.pipeline_sync()

        return self._send(send, piped=True)

    async def ask(self, statement: bytes) -> bytes | None:
        """The first value that a plain statement gives."""
        results = await self._send(lambda: self._pgconn.send_query_params(statement, None))
        _check(results)
        return results[0].get_value(0, 0) if results else None

    async def recover(self) -> None:
        """After an error inside `call_within`: its transaction is still open, aborted."""
        if self._pgconn.transaction_status != pq.TransactionStatus.IDLE:
            await self._send(lambda: self._pgconn.send_query(b"rollback"))

    async def cancel(self) -> None:
        """Ask the server to stop what runs; the call then ends with SQLSTATE 57014.

        Raises psycopg.Error when the server did not confirm: what it stops in the end may then be
        the next call, so the session must not have one.
        """
        await self._connection.cancel_safe(timeout=_CONNECT_SECONDS)

    def close(self) -> None:
        """End the connection, whatever state it is in."""
        self.lose(Away("the session is closed", sent=True))

    def _send_call(self, parameters: Parameters) -> None:
        if self.prepared:
            self._pgconn.send_query_prepared(_PREPARED, parameters)
        else:
            self._pgconn.send_query_params(SERVE, parameters)

    def rejoin(self) -> asyncio.Future[list[pq.abc.PGresult]] | None:
        """A new future for what runs, when nobody waits for the first one; None: it is over."""
        if self._waiting is None:
            return None
        self._waiting = waiting = self._loop.create_future()
        return waiting

    def _send(
        self, send: Callable[[], None], *, piped: bool = False
    ) -> asyncio.Future[list[pq.abc.PGresult]]:
        """Send something; the future has its results, or Away."""
        if self.lost:
            raise Away("the connection was lost", sent=False)
        self._piped = piped
        self._results = []
        self._waiting = waiting = self._loop.create_future()
        try:
            send()
            self._flush()
        except psycopg.Error as error:
            # What did not leave as a whole has no end, so the server does nothing of it; only a
            # COMMIT may have got through without the sync behind it.
            self.lose(Away(str(error), sent=piped))
        return waiting

    def _flush(self) -> None:
        if self._pgconn.flush() and not self._writing:
            self._writing = True
            self._loop.add_writer(self._socket, self._writable)

    def _writable(self) -> None:
        try:
            # A server that answers before it has read everything must be read from meanwhile.
            if self._pgconn.flush():
                return
        except psycopg.Error as error:
            self.lose(Away(str(error), sent=True))
            return
        self._writing = False
        self._loop.remove_writer(self._socket)

    def look(self) -> None:
        """Take what has arrived. The loop says when; the pool looks now and then too, since uvloop
        ceases without a word to watch a socket that was reset."""
        try:
            self._pgconn.consume_input()
            self._collect()
        except psycopg.Error as error:
            self.lose(Away(str(error), sent=True))

    def _collect(self) -> None:
        """Take the results that are there. None follows the last one of each statement; in a
        pipeline the end is its sync, and None twice means that more has to arrive."""
        pgconn = self._pgconn
        gap = False
        while not pgconn.is_busy():
            result = pgconn.get_result()
            if result is None:
                if not self._piped:
                    self._finish()
                    return
                if gap:
                    return
                gap = True
            elif result.status == ExecStatus.PIPELINE_SYNC:
                pgconn.exit_pipeline_mode()
                self._finish()
                return
            else:
                gap = False
                self._results.append(result)
                if _fatal(result):
                    self.lose(Away("the server ended the connection", sent=True))
                    return

    def _finish(self) -> None:
        if self._pgconn.status != pq.ConnStatus.OK and not self._results:
            self.lose(Away("the connection broke", sent=True))
            return
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result(self._results)

    def lose(self, reason: Away) -> None:
        """The connection is of no use any more: whoever waits hears it, once."""
        if self.lost:
            return
        self.lost = True
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._pgconn.finish()
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            if _ended(self._results):
                waiting.set_result(self._results)
            else:
                waiting.set_exception(reason)
        self._on_lost(self)


class Pool:
    """Sessions of one process. `size` of them; `max_waiting` requests may wait for one, each for
    `queue_seconds`; a call may run for `timeout_seconds`."""

    def __init__(
        self,
        url: str,
        *,
        size: int,
        max_waiting: int,
        queue_seconds: float,
        timeout_seconds: float,
    ) -> None:
        self._url = url.replace("postgresql+psycopg://", "postgresql://", 1)
        self._size = size
        self._max_waiting = max_waiting
        self._queue_seconds = queue_seconds
        self.timeout_seconds = timeout_seconds
        self._idle: list[Session] = []
        self._all: set[Session] = set()
        self._joining: set[Session] = set()
        self._queue: deque[asyncio.Future[Session]] = deque()
        self._short = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = False
        self._cancelling: set[asyncio.Task[None]] = set()
        self._time = time.monotonic
        self._last_error = "not connected yet"
        self._refused = True
        self._prepares = True
        self._server_timeout = True
        self._timeout = b"%d" % max(1, int(timeout_seconds * 1000))

    @property
    def sessions(self) -> int:
        """Connections that are open."""
        return len(self._all)

    @property
    def in_use(self) -> int:
        """Of these, taken by a request."""
        return len(self._all) - len(self._idle)

    @property
    def waiting(self) -> int:
        """Requests that wait for one."""
        return len(self._queue)

    @property
    def available(self) -> bool:
        """Whether there is any connection."""
        return bool(self._all)

    async def open(self) -> None:
        """Connect as far as possible; what is missing is made in the background."""
        with contextlib.suppress(psycopg.Error, OSError):
            await self._add()
        self._tasks = [asyncio.create_task(self._keep()), asyncio.create_task(self._sweep())]

    async def close(self) -> None:
        """Close every session at once; let requests end before that."""
        self._closing = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._last_error, self._refused = "the pool is closed", True
        self._fail_waiting()
        for session in list(self._all):
            session.close()
        await asyncio.gather(*self._cancelling, return_exceptions=True)

    async def serve(self, parameters: Parameters, *, within: float | None = None) -> Served:
        """Run `dbkit.serve_call`. Raises Busy, Away and Failed.

        `within`: seconds, when the request has a deadline of its own. A task that is cancelled
        while its call runs cancels that call in the database too.
        """
        session = self._idle.pop() if self._idle else await self._wait()
        limit = self.timeout_seconds if within is None else min(within, self.timeout_seconds)
        session.until = self._time() + limit + _PATIENCE_SECONDS
        # Without the server's own time-out (a pooler that takes none) every call brings one.
        if within is not None or not self._server_timeout:
            answer = session.call_within(parameters, max(1, int(limit * 1000)))
        else:
            answer = session.call(parameters)
        try:
            results = await answer
        except asyncio.CancelledError:
            task = asyncio.ensure_future(self._cancel(session))
            self._cancelling.add(task)
            task.add_done_callback(self._cancelling.discard)
            raise
        try:
            served = _served(results)
        except Failed as error:
            return await self._after_failure(session, error, parameters, within)
        self._release(session)
        return served

    async def _after_failure(
        self, session: Session, error: Failed, parameters: Parameters, within: float | None
    ) -> Served:
        if error.fatal or session.lost:
            session.close()
            raise error
        prepared = session.prepared
        try:
            await session.recover()
        except BaseException:
            session.close()
            raise
        if error.sqlstate in _NOT_PREPARED and prepared:
            # A pooler: the statement did not run. From now on each call brings its own text.
            self._prepares = session.prepared = False
            self._release(session)
            return await self.serve(parameters, within=within)
        self._release(session)
        raise error

    async def _cancel(self, session: Session) -> None:
        """Stop what runs for a request that is gone; then the session serves again."""
        ended = session.rejoin()
        try:
            if ended is not None:
                await session.cancel()
                async with asyncio.timeout(_CONNECT_SECONDS):
                    await ended
            await session.recover()
        except (Away, TimeoutError, psycopg.Error):
            session.close()
        self._release(session)

    async def _wait(self) -> Session:
        if not self._all and self._refused:
            raise Away(self._last_error, sent=False)
        if len(self._queue) >= self._max_waiting:
            raise Busy
        ticket: asyncio.Future[Session] = asyncio.get_running_loop().create_future()
        self._queue.append(ticket)
        try:
            async with asyncio.timeout(self._queue_seconds):
                session = await ticket
                # It may have broken on its way here.
                return await self._wait() if session.lost else session
        except BaseException as error:
            if ticket.done() and not ticket.cancelled() and ticket.exception() is None:
                self._release(ticket.result())
            with contextlib.suppress(ValueError):
                self._queue.remove(ticket)
            if isinstance(error, TimeoutError):
                raise Busy from None
            raise

    def _release(self, session: Session) -> None:
        if session.lost:
            return
        session.until = math.inf
        while self._queue:
            ticket = self._queue.popleft()
            if not ticket.done():
                ticket.set_result(session)
                return
        self._idle.append(session)

    def _forget(self, session: Session) -> None:
        self._all.discard(session)
        with contextlib.suppress(ValueError):
            self._idle.remove(session)
        self._short.set()

    async def _add(self) -> None:
        session = Session(await self._connect(), self._forget)
        self._joining.add(session)
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                await self._make_ready(session)
        except (Away, Failed) as error:
            session.close()
            raise psycopg.OperationalError(str(error)) from error
        except BaseException:
            session.close()
            raise
        finally:
            self._joining.discard(session)
        if session.lost:
            return
        self._all.add(session)
        self._refused = False
        self._release(session)

    async def _make_ready(self, session: Session) -> None:
        if self._server_timeout and await session.ask(_TIMEOUT) != self._timeout:
            # A pooler that was told to pass over what we ask for at the start.
            self._server_timeout = False
        if self._prepares:
            try:
                await session.prepare()
            except Failed as error:
                if error.sqlstate not in _NOT_PREPARED:
                    raise
                self._prepares = False

    async def _connect(self) -> psycopg.AsyncConnection[Any]:
        options = dict(_OPTIONS)
        if self._server_timeout:
            options["options"] = f"-c jit=off -c statement_timeout={self._timeout.decode()}"
        try:
            return await psycopg.AsyncConnection.connect(self._url, autocommit=True, **options)
        except psycopg.OperationalError as error:
            if not self._server_timeout or "unsupported startup parameter" not in str(error):
                raise
            # PgBouncer: a setting of the session would be the next client's too.
            self._server_timeout = False
            return await self._connect()

    async def _keep(self) -> None:
        """Bring the pool back to its size, as soon as the server takes connections."""
        failures = 0
        while True:
            self._short.clear()
            while len(self._all) < self._size:
                try:
                    await self._add()
                    failures = 0
                except (psycopg.Error, OSError) as error:
                    failures += 1
                    if failures == 1:
                        # One may fail for a reason of its own: an operator ended it.
                        continue
                    self._last_error, self._refused = str(error), True
                    if not self._all:
                        self._fail_waiting()
                    await asyncio.sleep(_RETRY_SECONDS * (0.5 + random.random()))  # noqa: S311
            await self._short.wait()

    async def _sweep(self) -> None:
        """Notice what no event tells: a server that is frozen keeps no time-out, for example."""
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            now = self._time()
            for session in (*self._all, *self._joining):
                if now > session.until:
                    session.lose(Silent())
                elif not session.lost:
                    session.look()

    def _fail_waiting(self) -> None:
        while self._queue:
            ticket = self._queue.popleft()
            if not ticket.done():
                ticket.set_exception(Away(self._last_error, sent=False))


def _check(results: Sequence[pq.abc.PGresult]) -> None:
    for result in results:
        if result.status == ExecStatus.FATAL_ERROR:
            raise Failed(
                _field(result, DiagnosticField.SQLSTATE) or "XX000",
                _field(result, DiagnosticField.MESSAGE_PRIMARY) or "",
                _field(result, DiagnosticField.MESSAGE_DETAIL),
                _field(result, DiagnosticField.MESSAGE_HINT),
                fatal=_fatal(result),
            )


def _ended(results: Sequence[pq.abc.PGresult]) -> bool:
    """Whether the server said that it ends the connection, before the call had an answer."""
    for result in results:
        if result.status == ExecStatus.FATAL_ERROR:
            return (_field(result, DiagnosticField.SQLSTATE) or "").startswith(_ENDED)
        if result.nfields == 2:
            return False
    return False


def _fatal(result: pq.abc.PGresult) -> bool:
    return (
        result.status == ExecStatus.FATAL_ERROR
        and _field(result, DiagnosticField.SEVERITY_NONLOCALIZED) in _FATAL
    )


def _field(result: pq.abc.PGresult, field: DiagnosticField) -> str | None:
    value = result.error_field(field)
    return None if value is None else value.decode("utf-8", "replace")


def _served(results: Sequence[pq.abc.PGresult]) -> Served:
    """The row among the results; an error of COMMIT comes after it, and wins."""
    _check(results)
    for result in results:
        if result.status == ExecStatus.TUPLES_OK and result.nfields == 2:
            return Served(result.get_value(0, 0) or b"null", result.get_value(0, 1) or b"{}")
    raise Failed("XX000", "the call gave no answer")
