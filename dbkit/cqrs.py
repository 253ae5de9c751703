"""A bus for commands and one for queries, with middleware around both.

What handles a command is registered in the database: a function there, or a program. For the second
a `CommandBus` runs a Python function between `begin_command` and `finish_command`, in one
transaction with the log entry. `AsyncCommandBus` and `AsyncQueryBus` are the same on asyncio.
Inside a transaction of your own run the calls of `dbkit.calls.cqrs`.
"""

from __future__ import annotations

import datetime
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, Generic, Literal, Protocol, TypeAlias, TypeVar, cast

import msgspec
import psycopg

from dbkit.call import Call, Rows
from dbkit.calls import cqrs as calls
from dbkit.codec import JsonInput, JsonValue, from_json
from dbkit.context import RequestContext
from dbkit.database import (
    AsyncDatabase,
    AsyncTransaction,
    Database,
    Retry,
    Stage,
    Transaction,
    may_retry,
)
from dbkit.errors import CommandRejected, DbkitError, UnexpectedAnswer

P = TypeVar("P")
R = TypeVar("R")

Rejection: TypeAlias = calls.ExecuteCommandResultRejection
"""Why a command was refused: sqlstate, message, detail, hint."""


# --- what is sent, and what comes back -------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CommandType(Generic[P, R]):
    """A command by its registered name. `payload` and `response` are dataclasses, or dict."""

    name: str
    payload: type[P]
    response: type[R]


@dataclass(frozen=True, slots=True)
class QueryType(Generic[P, R]):
    """A query by its registered name. `params` and `data` are dataclasses, or dict."""

    name: str
    params: type[P]
    data: type[R]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What goes through the middleware; `dataclasses.replace` gives a changed one."""

    kind: Literal["command", "query"]
    name: str
    payload: object
    idempotency_key: str | None = None
    expected_version: int | None = None
    min_position: int | None = None
    context: RequestContext = field(default_factory=RequestContext)
    role: str | None = None

    def introduction(self) -> RequestContext | None:
        """The context to set; None when there is nothing to say."""
        return None if self.context == RequestContext() else self.context


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome(Generic[R]):
    """What became of a command."""

    command_id: uuid.UUID
    """causation_id of the events that it appended."""
    response: R | None
    rejection: Rejection | None
    position: int | None
    """Of its newest event: as `min_position` of a query it gives an answer that has it."""
    replayed: bool
    """It was done before, with the same key: this is the answer of then."""

    def value(self) -> R:
        """The response; raises CommandRejected when the command was refused."""
        if self.rejection is not None:
            refused = self.rejection
            detail = refused.detail if isinstance(refused.detail, dict) else {}
            raise CommandRejected(
                refused.message, detail=detail, hint=refused.hint, sqlstate=refused.sqlstate
            )
        return cast("R", self.response)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Generic[R]):
    """What a query says."""

    data: R
    position: int | None
    """As `min_position` of the next query it gives nothing older."""
    cached: bool
    computed_at: datetime.datetime


class Reject(Exception):
    """Raised by a Python handler to refuse its command.

    What the handler did is undone, and the refusal is recorded: it is the command's answer, also
    when it is sent again. Every other exception undoes the command altogether.
    """

    def __init__(
        self,
        message: str,
        *,
        detail: Mapping[str, JsonInput] | None = None,
        hint: str | None = None,
        sqlstate: str = CommandRejected.code,
    ) -> None:
        super().__init__(message)
        self.detail = detail
        self.hint = hint
        self.sqlstate = sqlstate


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent(Generic[P]):
    """What a Python handler gets of its command."""

    command_id: uuid.UUID
    payload: P
    expected_version: int | None


# --- decisions, shared by the buses of both kinds --------------------------------------------


@dataclass(frozen=True)
class _Wire:
    command_id: uuid.UUID
    response: msgspec.Raw
    rejection: Rejection | None
    position: int | None
    replayed: bool


@dataclass(frozen=True)
class _WireAnswer:
    data: msgspec.Raw
    position: int | None
    cached: bool
    computed_at: datetime.datetime


def _typed(name: str, raw: msgspec.Raw, kind: type[R]) -> R:
    try:
        found: R = from_json(bytes(raw), kind)
    except msgspec.ValidationError as error:
        raise UnexpectedAnswer(f"{name}: {error}") from error
    return found


def _json(value: object) -> JsonInput:
    return cast("JsonInput", value)


def _read(rows: Rows) -> _Wire:
    found: _Wire = from_json(rows[0][0], _Wire)
    return found


def _read_answer(rows: Rows) -> _WireAnswer:
    found: _WireAnswer = from_json(rows[0][0], _WireAnswer)
    return found


def _decoded(call: Call[Any], decode: Callable[[Rows], R]) -> Call[R]:
    return Call(call.name, call.sql, call.params, decode)


def _execute(message: Message) -> Call[_Wire]:
    call = calls.execute_command(
        message.name,
        _json(message.payload),
        message.idempotency_key,
        message.expected_version,
    )
    return replace(_decoded(call, _read), idempotent=message.idempotency_key is not None)


def _begin(message: Message) -> Call[_Wire]:
    call = calls.begin_command(
        message.name,
        _json(message.payload),
        message.idempotency_key,
        message.expected_version,
    )
    return replace(_decoded(call, _read), idempotent=message.idempotency_key is not None)


def _finish(begun: _Wire, response: object, rejection: object) -> Call[_Wire]:
    call = calls.finish_command(begun.command_id, _json(response), _json(rejection))
    return _decoded(call, _read)


def _ask(message: Message) -> Call[_WireAnswer]:
    call = calls.execute_query(message.name, _json(message.payload), message.min_position)
    return replace(_decoded(call, _read_answer), idempotent=True)


def _outcome(kind: CommandType[Any, R], wire: _Wire) -> Outcome[R]:
    refused = wire.rejection is not None
    return Outcome(
        command_id=wire.command_id,
        response=None if refused else _typed(kind.name, wire.response, kind.response),
        rejection=wire.rejection,
        position=wire.position,
        replayed=wire.replayed,
    )


def _answer(kind: QueryType[Any, R], wire: _WireAnswer) -> Answer[R]:
    return Answer(
        data=_typed(kind.name, wire.data, kind.data),
        position=wire.position,
        cached=wire.cached,
        computed_at=wire.computed_at,
    )


def _own_answer(message: Message, data: R) -> Answer[R]:
    if message.min_position is not None:
        raise ValueError(f"{message.name}: what a Python handler answers has no position")
    return Answer(
        data=data, position=None, cached=False, computed_at=datetime.datetime.now(datetime.UTC)
    )


def _sent(message: Message, begun: _Wire) -> Sent[Any]:
    return Sent(
        command_id=begun.command_id,
        payload=message.payload,
        expected_version=message.expected_version,
    )


def _rejection(error: Exception) -> dict[str, JsonValue]:
    """What `finish_command` records of a refusal."""
    if isinstance(error, DbkitError):
        detail: object = error.detail
        hint, sqlstate = error.hint, error.sqlstate
    elif isinstance(error, Reject):
        detail, hint, sqlstate = error.detail, error.hint, error.sqlstate
    else:
        detail = None
        hint, sqlstate = None, getattr(error, "sqlstate", None) or CommandRejected.code
    return {
        "sqlstate": sqlstate,
        "message": str(error),
        "detail": cast("JsonValue", detail),
        "hint": hint,
    }


@dataclass
class _Attempts:
    """Whether a command that Python handles is done again; its loops make no decision."""

    message: Message
    retry: Retry
    number: int = 1

    def pause_after(self, error: psycopg.Error) -> float:
        """Seconds until the next attempt; raises when there must be none."""
        if self.number >= self.retry.attempts or not may_retry(
            error, _begin(self.message), Stage.SENT
        ):
            raise error
        self.number += 1
        return self.retry.pause(self.number - 1)


# --- middleware ------------------------------------------------------------------------------

Proceed: TypeAlias = Callable[[Message], Any]
"""The rest of the way: returns an `Outcome` or an `Answer`."""

Middleware: TypeAlias = Callable[[Message, Proceed], Any]
"""Gets the message and the rest of the way; returns what that returned, or something in its place.
The first one given to a bus is the outermost."""

AsyncProceed: TypeAlias = Callable[[Message], Awaitable[Any]]
AsyncMiddleware: TypeAlias = Callable[[Message, AsyncProceed], Awaitable[Any]]


class Span(Protocol):
    """What is used of a span of OpenTelemetry."""

    def set_attribute(self, key: str, value: str | bool | int, /) -> None: ...

    def get_span_context(self) -> Any: ...


class Tracer(Protocol):
    """What is used of a tracer of OpenTelemetry (`opentelemetry.trace.get_tracer(__name__)`)."""

    def start_as_current_span(self, name: str, /) -> AbstractContextManager[Any]: ...


def _correlate(message: Message) -> Message:
    if message.context.correlation_id or message.context.request_id:
        return message
    return replace(message, context=replace(message.context, correlation_id=str(uuid.uuid4())))


def correlated(message: Message, proceed: Proceed) -> Any:
    """Gives each message a correlation_id, where its context has none and no request_id."""
    return proceed(_correlate(message))


async def acorrelated(message: Message, proceed: AsyncProceed) -> Any:
    """As `correlated`, on asyncio."""
    return await proceed(_correlate(message))


def _in_span(message: Message, span: Span) -> Message:
    span.set_attribute("dbkit.kind", message.kind)
    span.set_attribute("dbkit.name", message.name)
    parts = span.get_span_context()
    trace, here = f"{parts.trace_id:032x}", f"{parts.span_id:016x}"
    traceparent = f"00-{trace}-{here}-{int(parts.trace_flags):02x}"
    given = message.context
    return replace(
        message,
        context=replace(
            given,
            correlation_id=given.correlation_id or trace,
            request_id=given.request_id or traceparent,
        ),
    )


def _describe(span: Span, result: object) -> None:
    if isinstance(result, Outcome):
        span.set_attribute("dbkit.status", "rejected" if result.rejection else "done")
        span.set_attribute("dbkit.replayed", result.replayed)
        span.set_attribute("dbkit.command_id", str(result.command_id))
    elif isinstance(result, Answer):
        span.set_attribute("dbkit.cached", result.cached)


def traced(tracer: Tracer) -> Middleware:
    """A span around each message. In the request context, unless they are there: the trace's id as
    correlation_id, which all events of the trace then share, and its traceparent (W3C Trace
    Context) as request_id."""

    def middleware(message: Message, proceed: Proceed) -> Any:
        with tracer.start_as_current_span(f"{message.kind} {message.name}") as span:
            result = proceed(_in_span(message, span))
            _describe(span, result)
            return result

    return middleware


def atraced(tracer: Tracer) -> AsyncMiddleware:
    """As `traced`, on asyncio."""

    async def middleware(message: Message, proceed: AsyncProceed) -> Any:
        with tracer.start_as_current_span(f"{message.kind} {message.name}") as span:
            result = await proceed(_in_span(message, span))
            _describe(span, result)
            return result

    return middleware


@dataclass
class _Entry:
    """One log line: never the payload or the response, which may have anything in them."""

    logger: logging.Logger
    message: Message
    started: float = field(default_factory=time.perf_counter)

    def done(self, result: object) -> None:
        status = "done"
        if isinstance(result, Outcome):
            refused = result.rejection
            status = f"rejected {refused.sqlstate}" if refused else status
            status = f"{status}, replayed" if result.replayed else status
        elif isinstance(result, Answer):
            status = "cached" if result.cached else "computed"
        self._write(logging.INFO, status)

    def failed(self, error: BaseException) -> None:
        sqlstate = getattr(error, "sqlstate", None)
        self._write(logging.WARNING, f"failed {type(error).__name__} {sqlstate or ''}".rstrip())

    def _write(self, level: int, status: str) -> None:
        context = self.message.context
        self.logger.log(
            level,
            "%s %s: %s (%.1f ms, correlation %s)",
            self.message.kind,
            self.message.name,
            status,
            1000 * (time.perf_counter() - self.started),
            context.correlation_id or context.request_id or "-",
        )


def logged(logger: logging.Logger) -> Middleware:
    """A line for each message: its name, what became of it, how long it took; no payload."""

    def middleware(message: Message, proceed: Proceed) -> Any:
        entry = _Entry(logger, message)
        try:
            result = proceed(message)
        except BaseException as error:
            entry.failed(error)
            raise
        entry.done(result)
        return result

    return middleware


def alogged(logger: logging.Logger) -> AsyncMiddleware:
    """As `logged`, on asyncio."""

    async def middleware(message: Message, proceed: AsyncProceed) -> Any:
        entry = _Entry(logger, message)
        try:
            result = await proceed(message)
        except BaseException as error:
            entry.failed(error)
            raise
        entry.done(result)
        return result

    return middleware


def _wrap(each: Middleware, inner: Proceed) -> Proceed:
    return lambda message: each(message, inner)


def _awrap(each: AsyncMiddleware, inner: AsyncProceed) -> AsyncProceed:
    return lambda message: each(message, inner)


def _chain(middleware: tuple[Middleware, ...], end: Proceed) -> Proceed:
    for each in reversed(middleware):
        end = _wrap(each, end)
    return end


def _achain(middleware: tuple[AsyncMiddleware, ...], end: AsyncProceed) -> AsyncProceed:
    for each in reversed(middleware):
        end = _awrap(each, end)
    return end


# --- buses -----------------------------------------------------------------------------------

_Function = TypeVar("_Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class _Handler:
    function: Callable[..., Any]
    refusals: tuple[type[Exception], ...]


def _command(
    kind: CommandType[P, Any],
    payload: P,
    idempotency_key: str | None,
    expected_version: int | None,
    context: RequestContext | None,
    role: str | None,
) -> Message:
    return Message(
        kind="command",
        name=kind.name,
        payload=payload,
        idempotency_key=idempotency_key,
        expected_version=expected_version,
        context=context or RequestContext(),
        role=role,
    )


def _query(
    kind: QueryType[P, Any],
    params: P,
    min_position: int | None,
    context: RequestContext | None,
    role: str | None,
) -> Message:
    return Message(
        kind="query",
        name=kind.name,
        payload=params,
        min_position=min_position,
        context=context or RequestContext(),
        role=role,
    )


class _Handlers:
    """Python functions by the name of what they handle."""

    def __init__(self) -> None:
        self._handlers: dict[str, _Handler] = {}

    def add(
        self, name: str, rejects: tuple[type[Exception], ...]
    ) -> Callable[[_Function], _Function]:
        def decorate(function: _Function) -> _Function:
            if name in self._handlers:
                raise ValueError(f"{name} has a handler already")
            refusals: tuple[type[Exception], ...] = (Reject, CommandRejected, *rejects)
            self._handlers[name] = _Handler(function, refusals)
            return function

        return decorate

    def find(self, name: str) -> _Handler | None:
        return self._handlers.get(name)


class CommandBus:
    """Sends commands, each in a transaction of its own, through the middleware.

    A command goes to its Python handler (`handles`), else to the one in the database.
    """

    def __init__(
        self, database: Database, *middleware: Middleware, retry: Retry | None = None
    ) -> None:
        self._database = database
        self._middleware = middleware
        self._retry = retry or Retry()
        self._handlers = _Handlers()

    def handles(
        self, kind: CommandType[P, R], *, rejects: tuple[type[Exception], ...] = ()
    ) -> Callable[[Callable[[Transaction, Sent[P]], R]], Callable[[Transaction, Sent[P]], R]]:
        """Make a function the handler of a command that is registered without one.

        It runs in the transaction of the key and the log entry, and again after a serialization
        failure. Reject, CommandRejected and the exceptions in `rejects` are recorded as refusals.
        """
        return self._handlers.add(kind.name, rejects)

    def send(
        self,
        kind: CommandType[P, R],
        payload: P,
        *,
        key: str | None = None,
        expected_version: int | None = None,
        context: RequestContext | None = None,
        role: str | None = None,
    ) -> Outcome[R]:
        """Do a command. With a key it is done once, and may be sent again after any error.

        Raises UnknownCommand, InvalidCommand, CommandKeyReused, Forbidden and what the handler
        raises; a refusal is an outcome (`Outcome.value` raises it).
        """
        message = _command(kind, payload, key, expected_version, context, role)
        end: Proceed = lambda given: _outcome(kind, self._do(given))  # noqa: E731
        result: Outcome[R] = _chain(self._middleware, end)(message)
        return result

    def _do(self, message: Message) -> _Wire:
        handler = self._handlers.find(message.name)
        if handler is None:
            return self._database.run(
                _execute(message), context=message.introduction(), role=message.role
            )
        attempts = _Attempts(message, self._retry)
        while True:
            try:
                return self._handle(message, handler)
            except psycopg.Error as error:
                self._retry.sleep(attempts.pause_after(error))

    def _handle(self, message: Message, handler: _Handler) -> _Wire:
        introduction, role = message.introduction(), message.role
        with self._database.transaction(context=introduction, role=role) as tx:
            begun = tx.run(_begin(message))
            if begun.replayed:
                return begun
            try:
                with tx.connection.transaction():
                    response = handler.function(tx, _sent(message, begun))
            except handler.refusals as refusal:
                return tx.run(_finish(begun, None, _rejection(refusal)))
            return tx.run(_finish(begun, response, None))


class AsyncCommandBus:
    """As `CommandBus`, on asyncio."""

    def __init__(
        self, database: AsyncDatabase, *middleware: AsyncMiddleware, retry: Retry | None = None
    ) -> None:
        self._database = database
        self._middleware = middleware
        self._retry = retry or Retry()
        self._handlers = _Handlers()

    def handles(
        self, kind: CommandType[P, R], *, rejects: tuple[type[Exception], ...] = ()
    ) -> Callable[
        [Callable[[AsyncTransaction, Sent[P]], Awaitable[R]]],
        Callable[[AsyncTransaction, Sent[P]], Awaitable[R]],
    ]:
        """As `CommandBus.handles`, for a coroutine function."""
        return self._handlers.add(kind.name, rejects)

    async def send(
        self,
        kind: CommandType[P, R],
        payload: P,
        *,
        key: str | None = None,
        expected_version: int | None = None,
        context: RequestContext | None = None,
        role: str | None = None,
    ) -> Outcome[R]:
        """As `CommandBus.send`."""

        async def end(given: Message) -> Outcome[R]:
            return _outcome(kind, await self._do(given))

        message = _command(kind, payload, key, expected_version, context, role)
        result: Outcome[R] = await _achain(self._middleware, end)(message)
        return result

    async def _do(self, message: Message) -> _Wire:
        handler = self._handlers.find(message.name)
        if handler is None:
            return await self._database.run(
                _execute(message), context=message.introduction(), role=message.role
            )
        attempts = _Attempts(message, self._retry)
        while True:
            try:
                return await self._handle(message, handler)
            except psycopg.Error as error:
                await self._retry.async_sleep(attempts.pause_after(error))

    async def _handle(self, message: Message, handler: _Handler) -> _Wire:
        introduction, role = message.introduction(), message.role
        async with self._database.transaction(context=introduction, role=role) as tx:
            begun = await tx.run(_begin(message))
            if begun.replayed:
                return begun
            try:
                async with tx.connection.transaction():
                    response = await handler.function(tx, _sent(message, begun))
            except handler.refusals as refusal:
                return await tx.run(_finish(begun, None, _rejection(refusal)))
            return await tx.run(_finish(begun, response, None))


class QueryBus:
    """Asks queries through the middleware: cached ones in the database, or Python handlers."""

    def __init__(self, database: Database, *middleware: Middleware) -> None:
        self._database = database
        self._middleware = middleware
        self._handlers = _Handlers()

    def handles(
        self, kind: QueryType[P, R]
    ) -> Callable[[Callable[[Transaction, P], R]], Callable[[Transaction, P], R]]:
        """Make a function the handler of a query, in place of the database's. Nothing of it is
        cached, and its answers have no position."""
        return self._handlers.add(kind.name, ())

    def ask(
        self,
        kind: QueryType[P, R],
        params: P,
        *,
        min_position: int | None = None,
        context: RequestContext | None = None,
        role: str | None = None,
    ) -> Answer[R]:
        """Answer a query. min_position: a position that a command, an append or a query returned;
        the answer has what was appended up to there.

        Raises UnknownQuery, InvalidQuery, PositionNotReached, Forbidden, and what its handler
        raises.
        """
        message = _query(kind, params, min_position, context, role)
        end: Proceed = lambda given: self._do(kind, given)  # noqa: E731
        result: Answer[R] = _chain(self._middleware, end)(message)
        return result

    def _do(self, kind: QueryType[Any, R], message: Message) -> Answer[R]:
        handler = self._handlers.find(message.name)
        introduction, role = message.introduction(), message.role
        if handler is None:
            return _answer(kind, self._database.run(_ask(message), context=introduction, role=role))
        with self._database.transaction(context=introduction, role=role) as tx:
            return _own_answer(message, handler.function(tx, message.payload))


class AsyncQueryBus:
    """As `QueryBus`, on asyncio."""

    def __init__(self, database: AsyncDatabase, *middleware: AsyncMiddleware) -> None:
        self._database = database
        self._middleware = middleware
        self._handlers = _Handlers()

    def handles(
        self, kind: QueryType[P, R]
    ) -> Callable[
        [Callable[[AsyncTransaction, P], Awaitable[R]]],
        Callable[[AsyncTransaction, P], Awaitable[R]],
    ]:
        """As `QueryBus.handles`, for a coroutine function."""
        return self._handlers.add(kind.name, ())

    async def ask(
        self,
        kind: QueryType[P, R],
        params: P,
        *,
        min_position: int | None = None,
        context: RequestContext | None = None,
        role: str | None = None,
    ) -> Answer[R]:
        """As `QueryBus.ask`."""

        async def end(given: Message) -> Answer[R]:
            return await self._do(kind, given)

        message = _query(kind, params, min_position, context, role)
        result: Answer[R] = await _achain(self._middleware, end)(message)
        return result

    async def _do(self, kind: QueryType[Any, R], message: Message) -> Answer[R]:
        handler = self._handlers.find(message.name)
        introduction, role = message.introduction(), message.role
        if handler is None:
            wire = await self._database.run(_ask(message), context=introduction, role=role)
            return _answer(kind, wire)
        async with self._database.transaction(context=introduction, role=role) as tx:
            return _own_answer(message, await handler.function(tx, message.payload))
