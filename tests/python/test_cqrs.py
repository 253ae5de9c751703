"""dbkit.cqrs: both buses, sync and async, by the same tests; a handler is written as steps."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import psycopg
import pytest

from dbkit import (
    AsyncDatabase,
    AsyncTransaction,
    Call,
    Database,
    OutcomeUnknown,
    RequestContext,
    Retry,
    Transaction,
    UnexpectedAnswer,
    errors,
)
from dbkit.calls.events import append_event
from dbkit.cqrs import (
    Answer,
    AsyncCommandBus,
    AsyncMiddleware,
    AsyncProceed,
    AsyncQueryBus,
    CommandBus,
    CommandType,
    Message,
    Middleware,
    Outcome,
    Proceed,
    QueryBus,
    QueryType,
    Reject,
    Sent,
    acorrelated,
    alogged,
    atraced,
    correlated,
    logged,
    traced,
)
from tests.cqrs.parts import SHOP
from tests.helpers import connect, one, row, rows

ADA = RequestContext(user_id="ada")


@dataclass(frozen=True)
class Add:
    cart: str
    refuse: str | None = None


@dataclass(frozen=True)
class Added:
    version: int


@dataclass(frozen=True)
class Cart:
    cart: str


@dataclass(frozen=True)
class Count:
    count: int
    user: str | None


ADD = CommandType("add", dict[str, Any], Added)
OUTSIDE = CommandType("outside", Add, Added)
ECHO = CommandType("echo", dict[str, Any], dict[str, Any])
COUNT = QueryType("count", dict[str, Any], Count)
CART = QueryType("cart", Cart, Count)

Steps = Generator[Call[Any], Any, Any]
"""What a handler of both kinds of bus does: it yields calls and gets their answers."""
Handler = Callable[[Any], Steps]


@dataclass
class Around:
    """A middleware that both kinds can run."""

    name: str
    seen: list[str]
    change: Callable[[Message], Message] = lambda message: message

    def sync(self, message: Message, proceed: Proceed) -> Any:
        self.seen.append(f"{self.name} {message.kind} {message.name}")
        try:
            return proceed(self.change(message))
        finally:
            self.seen.append(f"{self.name} done")

    async def asynchronous(self, message: Message, proceed: AsyncProceed) -> Any:
        self.seen.append(f"{self.name} {message.kind} {message.name}")
        try:
            return await proceed(self.change(message))
        finally:
            self.seen.append(f"{self.name} done")


@dataclass
class Span:
    name: str
    attributes: dict[str, object] = field(default_factory=dict)
    failed: bool = False
    trace_id: int = 0xABC
    span_id: int = 0xDEF
    trace_flags: int = 1

    def set_attribute(self, key: str, value: object, /) -> None:
        self.attributes[key] = value

    def get_span_context(self) -> Any:
        return self


@dataclass
class Tracer:
    spans: list[Span] = field(default_factory=list)

    def start_as_current_span(self, name: str, /) -> AbstractContextManager[Any]:
        return self._span(name)

    @contextmanager
    def _span(self, name: str) -> Iterator[Span]:
        span = Span(name)
        self.spans.append(span)
        try:
            yield span
        except BaseException:
            span.failed = True
            raise


LOGGER = logging.getLogger("shop")


@dataclass
class Slept:
    """Instead of sleeping."""

    seconds: list[float] = field(default_factory=list)

    def retry(self, attempts: int = 3) -> Retry:
        return Retry(attempts, random=lambda: 1.0, sleep=self.seconds.append, async_sleep=self.note)

    async def note(self, seconds: float) -> None:
        self.seconds.append(seconds)


def as_ada(options: dict[str, Any]) -> dict[str, Any]:
    return {"context": ADA, "role": "authenticated"} | options


class Kit(Protocol):
    """Both buses of one kind."""

    def around(self, *middleware: Around | Tracer | str) -> None: ...
    def handle(self, kind: Any, steps: Handler, *rejects: type[Exception]) -> None: ...
    def handle_query(self, kind: Any, steps: Handler) -> None: ...
    def send(self, kind: Any, payload: Any, **options: Any) -> Outcome[Any]: ...
    def ask(self, kind: Any, params: Any, **options: Any) -> Answer[Any]: ...


class SyncKit:
    def __init__(self, url: str, retry: Retry) -> None:
        self.url, self.retry = url, retry
        self.middleware: list[Middleware] = []
        self.handlers: list[Any] = []
        self.query_handlers: list[Any] = []

    def around(self, *middleware: Around | Tracer | str) -> None:
        for each in middleware:
            if isinstance(each, Around):
                self.middleware.append(each.sync)
            elif isinstance(each, Tracer):
                self.middleware.append(traced(each))
            else:
                self.middleware.append(logged(LOGGER) if each == "logged" else correlated)

    def handle(self, kind: Any, steps: Handler, *rejects: type[Exception]) -> None:
        def handler(tx: Transaction, sent: Sent[Any]) -> Any:
            return run_steps(tx, steps(sent))

        self.handlers.append((kind, rejects, handler))

    def handle_query(self, kind: Any, steps: Handler) -> None:
        self.query_handlers.append((kind, lambda tx, params: run_steps(tx, steps(params))))

    def send(self, kind: Any, payload: Any, **options: Any) -> Outcome[Any]:
        with Database(self.url, max_size=2) as db:
            bus = CommandBus(db, *self.middleware, retry=self.retry)
            for handled, rejects, handler in self.handlers:
                bus.handles(handled, rejects=rejects)(handler)
            return bus.send(kind, payload, **as_ada(options))

    def ask(self, kind: Any, params: Any, **options: Any) -> Answer[Any]:
        with Database(self.url, max_size=2) as db:
            bus = QueryBus(db, *self.middleware)
            for handled, handler in self.query_handlers:
                bus.handles(handled)(handler)
            return bus.ask(kind, params, **as_ada(options))


def run_steps(tx: Transaction, steps: Steps) -> Any:
    try:
        call = next(steps)
        while True:
            try:
                answer = tx.run(call)
            except Exception as error:
                call = steps.throw(error)
            else:
                call = steps.send(answer)
    except StopIteration as end:
        return end.value


class AsyncKit(SyncKit):
    """The same on asyncio."""

    def __init__(self, url: str, retry: Retry) -> None:
        super().__init__(url, retry)
        self.async_middleware: list[AsyncMiddleware] = []

    def around(self, *middleware: Around | Tracer | str) -> None:
        for each in middleware:
            if isinstance(each, Around):
                self.async_middleware.append(each.asynchronous)
            elif isinstance(each, Tracer):
                self.async_middleware.append(atraced(each))
            else:
                self.async_middleware.append(alogged(LOGGER) if each == "logged" else acorrelated)

    def handle(self, kind: Any, steps: Handler, *rejects: type[Exception]) -> None:
        async def handler(tx: AsyncTransaction, sent: Sent[Any]) -> Any:
            return await arun_steps(tx, steps(sent))

        self.handlers.append((kind, rejects, handler))

    def handle_query(self, kind: Any, steps: Handler) -> None:
        async def handler(tx: AsyncTransaction, params: Any) -> Any:
            return await arun_steps(tx, steps(params))

        self.query_handlers.append((kind, handler))

    def send(self, kind: Any, payload: Any, **options: Any) -> Outcome[Any]:
        async def main() -> Outcome[Any]:
            async with AsyncDatabase(self.url, max_size=2) as db:
                bus = AsyncCommandBus(db, *self.async_middleware, retry=self.retry)
                for handled, rejects, handler in self.handlers:
                    bus.handles(handled, rejects=rejects)(handler)
                given = as_ada(options)
                return await bus.send(kind, payload, **given)

        return asyncio.run(main())

    def ask(self, kind: Any, params: Any, **options: Any) -> Answer[Any]:
        async def main() -> Answer[Any]:
            async with AsyncDatabase(self.url, max_size=2) as db:
                bus = AsyncQueryBus(db, *self.async_middleware)
                for handled, handler in self.query_handlers:
                    bus.handles(handled)(handler)
                given = as_ada(options)
                return await bus.ask(kind, params, **given)

        return asyncio.run(main())


async def arun_steps(tx: AsyncTransaction, steps: Steps) -> Any:
    try:
        call = next(steps)
        while True:
            try:
                answer = await tx.run(call)
            except Exception as error:
                call = steps.throw(error)
            else:
                call = steps.send(answer)
    except StopIteration as end:
        return end.value


@pytest.fixture
def url(database: str) -> str:
    with connect(database) as conn:
        conn.execute(SHOP.encode())
    return database


@pytest.fixture
def slept() -> Slept:
    return Slept()


@pytest.fixture(params=[SyncKit, AsyncKit])
def kit(request: pytest.FixtureRequest, url: str, slept: Slept) -> Kit:
    made: Kit = request.param(url, slept.retry())
    return made


def counted(url: str, table: str) -> int:
    with connect(url) as conn:
        return int(one(conn, f"select count(*) from dbkit.{table}"))


def happened(url: str) -> tuple[int, int]:
    """How many events, how many log entries."""
    return counted(url, "event_store"), counted(url, "command_log")


def add(sent: Sent[Add]) -> Steps:
    """A handler in Python: appends, then refuses if the payload says so."""
    done = yield append_event("cart", sent.payload.cart, "Added", {})
    if sent.payload.refuse == "python":
        raise Reject("sold out", detail={"left": 0}, hint="Take another.")
    if sent.payload.refuse == "value":
        raise ValueError("no such cart")
    return Added(done.version)


# --- handlers in SQL ---------------------------------------------------------------------------


def test_a_command_goes_to_its_handler_in_the_database(kit: Kit, url: str) -> None:
    done = kit.send(ADD, {"cart": "c"}, key="k")
    again = kit.send(ADD, {"cart": "c"}, key="k")
    assert (done.response, done.value(), done.replayed) == (Added(1), Added(1), False)
    assert (again.response, again.replayed) == (Added(1), True)
    assert again.command_id == done.command_id
    assert happened(url) == (1, 1)
    with connect(url) as conn:
        event = row(conn, "select * from dbkit.event_store")
    assert (event["causation_id"], event["position"]) == (str(done.command_id), done.position)
    assert event["actor_id"] == "ada"


def test_a_refusal_is_an_outcome_and_value_raises_it(kit: Kit, url: str) -> None:
    refused = kit.send(ADD, {"cart": "c", "refuse": "KD605"})
    assert refused.rejection is not None
    assert (refused.response, refused.rejection.message) == (None, "sold out")
    with pytest.raises(errors.CommandRejected, match="sold out") as caught:
        refused.value()
    assert (caught.value.detail, caught.value.hint) == ({"left": 0}, "Take another.")
    assert happened(url) == (0, 1)


@pytest.mark.parametrize(
    ("kind", "payload", "options", "error"),
    [
        (CommandType("nothing", dict, dict), {}, {}, errors.UnknownCommand),
        (ADD, {"cart": 1}, {}, errors.InvalidCommand),
        (ADD, {"cart": "c"}, {"key": ""}, errors.InvalidCommand),
        (ADD, {"cart": "c"}, {"role": "anon"}, errors.Forbidden),
        (ADD, {"cart": "c"}, {"expected_version": 7}, errors.UnknownStream),
        (ADD, {"cart": "c", "fail": True}, {}, psycopg.errors.DivisionByZero),
        (OUTSIDE, Add("c"), {}, errors.UnknownCommand),
    ],
)
def test_errors_are_raised_and_nothing_has_happened(
    kit: Kit, url: str, kind: Any, payload: Any, options: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        kit.send(kind, payload, **options)
    assert happened(url) == (0, 0)


def test_a_key_that_was_used_for_something_else(kit: Kit) -> None:
    kit.send(ADD, {"cart": "c"}, key="k")
    with pytest.raises(errors.CommandKeyReused):
        kit.send(ADD, {"cart": "d"}, key="k")


def test_a_response_of_another_shape_is_named(kit: Kit) -> None:
    with pytest.raises(UnexpectedAnswer, match="echo"):
        kit.send(ECHO, {"say": [1]})


# --- handlers in Python ------------------------------------------------------------------------


def test_a_python_handler_runs_once_for_a_key(kit: Kit, url: str) -> None:
    kit.handle(OUTSIDE, add)
    done = kit.send(OUTSIDE, Add("c"), key="k")
    again = kit.send(OUTSIDE, Add("c"), key="k")
    assert (done.value(), again.value()) == (Added(1), Added(1))
    assert (done.replayed, again.replayed) == (False, True)
    assert happened(url) == (1, 1)
    with connect(url) as conn:
        event = row(conn, "select * from dbkit.event_store")
        entry = row(conn, "select * from dbkit.command_log")
    assert event["causation_id"] == event["correlation_id"] == str(done.command_id)
    assert (entry["events"], entry["position"], entry["user_id"]) == (1, done.position, "ada")
    assert entry["idempotency_key"] == "k"


def test_many_at_once_have_one_effect(kit: Kit, url: str) -> None:
    kit.handle(OUTSIDE, add)
    with ThreadPoolExecutor(12) as pool:
        told = list(pool.map(lambda _: kit.send(OUTSIDE, Add("c"), key="k"), range(12)))
    assert len({outcome.command_id for outcome in told}) == 1
    assert [outcome.replayed for outcome in told].count(False) == 1
    assert happened(url) == (1, 1)


@pytest.mark.parametrize("refuse", ["python", "value"])
def test_what_a_python_handler_refuses_is_undone_and_recorded(
    kit: Kit, url: str, refuse: str
) -> None:
    kit.handle(OUTSIDE, add, ValueError)
    told = [kit.send(OUTSIDE, Add("c", refuse), key="k") for _ in range(2)]
    refusals = [outcome.rejection for outcome in told]
    assert refusals[0] is not None
    assert refusals[0] == refusals[1]
    assert refusals[0].message == ("sold out" if refuse == "python" else "no such cart")
    assert refusals[0].sqlstate == "KD605"
    assert [outcome.replayed for outcome in told] == [False, True]
    assert happened(url) == (0, 1)
    with pytest.raises(errors.CommandRejected):
        told[1].value()


def test_a_refusal_of_the_database_inside_a_python_handler(kit: Kit, url: str) -> None:
    def steps(sent: Sent[Add]) -> Steps:
        yield append_event("cart", "c", "Added", {})
        text = "select dbkit.raise_error('KD605', 'closed', '{\"until\": 9}', 'Come later.')"
        yield Call("closed", text, (), lambda found: found)

    kit.handle(OUTSIDE, steps)
    refused = kit.send(OUTSIDE, Add("c")).rejection
    assert refused is not None
    assert (refused.message, refused.detail, refused.hint) == (
        "closed",
        {"until": 9},
        "Come later.",
    )
    assert happened(url) == (0, 1)


def test_any_other_exception_undoes_all_and_frees_the_key(kit: Kit, url: str) -> None:
    failures = [RuntimeError("no network")]

    def steps(sent: Sent[Add]) -> Steps:
        done = yield append_event("cart", "c", "Added", {})
        if failures:
            raise failures.pop()
        return Added(done.version)

    kit.handle(OUTSIDE, steps)
    with pytest.raises(RuntimeError, match="no network"):
        kit.send(OUTSIDE, Add("c"), key="k")
    assert happened(url) == (0, 0)
    assert not kit.send(OUTSIDE, Add("c"), key="k").replayed
    assert happened(url) == (1, 1)


def test_the_expected_version_reaches_a_python_handler(kit: Kit) -> None:
    seen: list[Sent[Add]] = []

    def steps(sent: Sent[Add]) -> Steps:
        seen.append(sent)
        yield append_event("cart", "c", "Added", {}, expected_version=sent.expected_version)
        return Added(1)

    kit.handle(OUTSIDE, steps)
    done = kit.send(OUTSIDE, Add("c"), expected_version=0)
    assert (seen[0].payload, seen[0].expected_version) == (Add("c"), 0)
    assert seen[0].command_id == done.command_id
    with pytest.raises(errors.StreamConflict):
        kit.send(OUTSIDE, Add("c"), expected_version=0)


def test_role_and_schema_are_asked_before_a_python_handler(kit: Kit, url: str) -> None:
    kit.handle(ADD, lambda sent: pytest.fail("it ran"))
    with pytest.raises(errors.UnknownCommand):
        kit.send(ADD, {"cart": "c"})
    kit.handle(OUTSIDE, lambda sent: pytest.fail("it ran"))
    with pytest.raises(errors.Forbidden):
        kit.send(OUTSIDE, Add("c"), role="anon")
    with pytest.raises(errors.InvalidCommand):
        kit.send(CommandType("outside", list, dict), [])
    assert happened(url) == (0, 0)


def test_two_handlers_of_one_command_are_refused(kit: Kit) -> None:
    kit.handle(OUTSIDE, add)
    kit.handle(OUTSIDE, add)
    with pytest.raises(ValueError, match="outside has a handler already"):
        kit.send(OUTSIDE, Add("c"))


# --- retries -----------------------------------------------------------------------------------


def failing(times: int, error: Exception) -> Callable[[Sent[Add]], Steps]:
    left = [error] * times

    def steps(sent: Sent[Add]) -> Steps:
        done = yield append_event("cart", "c", "Added", {})
        if left:
            raise left.pop()
        return Added(done.version)

    return steps


@pytest.mark.parametrize(
    "error",
    [psycopg.errors.SerializationFailure("again"), psycopg.errors.DeadlockDetected("again")],
)
def test_what_was_rolled_back_for_sure_is_done_again(
    kit: Kit, url: str, slept: Slept, error: Exception
) -> None:
    kit.handle(OUTSIDE, failing(2, error))
    assert kit.send(OUTSIDE, Add("c")).value() == Added(1)
    assert slept.seconds == [0.05, 0.1]
    assert happened(url) == (1, 1)


def test_but_not_for_ever(kit: Kit, url: str, slept: Slept) -> None:
    kit.handle(OUTSIDE, failing(9, psycopg.errors.SerializationFailure("again")))
    with pytest.raises(psycopg.errors.SerializationFailure):
        kit.send(OUTSIDE, Add("c"))
    assert len(slept.seconds) == 2
    assert happened(url) == (0, 0)


def killing(times: int) -> Callable[[Sent[Add]], Steps]:
    left = [None] * times

    def steps(sent: Sent[Add]) -> Steps:
        done = yield append_event("cart", "c", "Added", {})
        if left:
            left.pop()
            kill = "select pg_terminate_backend(pg_backend_pid())"
            yield Call("kill", kill, (), lambda found: found)
        return Added(done.version)

    return steps


def test_a_lost_connection_is_tried_again_with_a_key_only(kit: Kit, url: str, slept: Slept) -> None:
    kit.handle(OUTSIDE, killing(2))
    with pytest.raises(psycopg.OperationalError):
        kit.send(OUTSIDE, Add("c"), role=None)
    assert happened(url) == (0, 0)
    outcome = kit.send(OUTSIDE, Add("c"), key="k", role=None)
    assert (outcome.value(), outcome.replayed) == (Added(1), False)
    assert happened(url) == (1, 1)
    assert len(slept.seconds) == 1


def test_an_answer_that_was_lost_is_got_with_the_key(
    kit: Kit, url: str, slept: Slept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Committed, and the connection broke before anybody was told."""
    lost: list[Exception] = [OutcomeUnknown("gone during COMMIT")]
    sync, asynchronous = CommandBus._handle, AsyncCommandBus._handle

    def handle(*given: Any) -> Any:
        done = sync(*given)
        if lost:
            raise lost.pop()
        return done

    async def ahandle(*given: Any) -> Any:
        done = await asynchronous(*given)
        if lost:
            raise lost.pop()
        return done

    monkeypatch.setattr(CommandBus, "_handle", handle)
    monkeypatch.setattr(AsyncCommandBus, "_handle", ahandle)
    kit.handle(OUTSIDE, add)
    outcome = kit.send(OUTSIDE, Add("c"), key="k")
    assert (outcome.value(), outcome.replayed, lost) == (Added(1), True, [])
    assert happened(url) == (1, 1)
    lost.append(OutcomeUnknown("gone during COMMIT"))
    with pytest.raises(OutcomeUnknown):
        kit.send(OUTSIDE, Add("c"))
    assert len(slept.seconds) == 1


# --- queries -----------------------------------------------------------------------------------


def test_a_query_is_answered_from_the_cache_and_has_what_a_command_did(kit: Kit) -> None:
    first = kit.ask(COUNT, {})
    assert (first.data, first.cached) == (Count(0, "ada"), False)
    again = kit.ask(COUNT, {})
    assert again == replace(first, cached=True)
    done = kit.send(ADD, {"cart": "c"})
    anew = kit.ask(CART, Cart("c"), min_position=done.position)
    assert (anew.data.count, anew.position) == (1, done.position)
    other = kit.ask(COUNT, {}, context=RequestContext(user_id="bob"))
    assert (other.data, other.cached) == (Count(1, "bob"), False)


def test_errors_of_queries(kit: Kit) -> None:
    with pytest.raises(errors.UnknownQuery):
        kit.ask(QueryType("nothing", dict, dict), {})
    with pytest.raises(errors.Forbidden):
        kit.ask(COUNT, {}, role="anon")
    with pytest.raises(errors.PositionNotReached):
        kit.ask(COUNT, {}, min_position=1_000_000)
    with pytest.raises(errors.InvalidQuery):
        kit.ask(QueryType("count", list, dict), [])
    with pytest.raises(UnexpectedAnswer, match="count"):
        kit.ask(QueryType("count", dict, list), {})


def test_a_python_handler_answers_a_query(kit: Kit) -> None:
    def steps(params: Cart) -> Steps:
        found = yield Call("who", "select current_user::text", (), lambda found: found[0][0])
        return Count(len(params.cart), found)

    kit.handle_query(CART, steps)
    answer = kit.ask(CART, Cart("abc"))
    assert (answer.data, answer.cached, answer.position) == (Count(3, "authenticated"), False, None)
    assert answer.computed_at.tzinfo is not None
    with pytest.raises(ValueError, match="has no position"):
        kit.ask(CART, Cart("abc"), min_position=1)


# --- middleware --------------------------------------------------------------------------------


def test_the_first_middleware_is_the_outermost(kit: Kit) -> None:
    seen: list[str] = []
    kit.around(Around("a", seen), Around("b", seen))
    kit.send(ADD, {"cart": "c"})
    assert seen == ["a command add", "b command add", "b done", "a done"]
    seen.clear()
    with pytest.raises(errors.UnknownQuery):
        kit.ask(QueryType("nothing", dict, dict), {})
    assert seen == ["a query nothing", "b query nothing", "b done", "a done"]


def test_a_middleware_may_change_the_message(kit: Kit, url: str) -> None:
    def as_bob(message: Message) -> Message:
        context = replace(message.context, user_id="bob")
        return replace(message, context=context, payload={"cart": "changed"})

    kit.around(Around("a", [], as_bob))
    kit.send(ADD, {"cart": "c"})
    with connect(url) as conn:
        event = row(conn, "select * from dbkit.event_store")
    assert (event["aggregate_id"], event["actor_id"]) == ("changed", "bob")


def test_traced_gives_the_events_the_trace(kit: Kit, url: str) -> None:
    tracer = Tracer()
    kit.around(tracer)
    kit.handle(OUTSIDE, add)
    done = kit.send(OUTSIDE, Add("c"), key="k")
    refused = kit.send(OUTSIDE, Add("c", "python"))
    assert refused.rejection is not None
    kit.ask(COUNT, {})
    with pytest.raises(errors.InvalidCommand):
        kit.send(ADD, {})
    assert [span.name for span in tracer.spans] == [
        *("command outside", "command outside", "query count", "command add")
    ]
    assert tracer.spans[0].attributes == {
        "dbkit.kind": "command",
        "dbkit.name": "outside",
        "dbkit.status": "done",
        "dbkit.replayed": False,
        "dbkit.command_id": str(done.command_id),
    }
    assert tracer.spans[1].attributes["dbkit.status"] == "rejected"
    assert tracer.spans[2].attributes["dbkit.cached"] is False
    assert [span.failed for span in tracer.spans] == [False, False, False, True]
    with connect(url) as conn:
        event = row(conn, "select * from dbkit.event_store")
    assert event["correlation_id"] == f"{0xABC:032x}"


def test_traced_leaves_a_correlation_that_is_there(kit: Kit, url: str) -> None:
    kit.around(Tracer(), "correlated")
    kit.send(ADD, {"cart": "c"}, context=RequestContext(correlation_id="mine"))
    with connect(url) as conn:
        assert one(conn, "select correlation_id from dbkit.event_store") == "mine"


def test_correlated_gives_each_message_one(kit: Kit, url: str) -> None:
    kit.around("correlated")
    for _ in range(2):
        kit.send(ADD, {"cart": "c"})
    kit.send(ADD, {"cart": "c"}, context=RequestContext(correlation_id="mine"))
    kit.send(ADD, {"cart": "c"}, context=RequestContext(request_id="req-1"))
    with connect(url) as conn:
        found = rows(conn, "select correlation_id as c from dbkit.command_log order by command_id")
    given = [each["c"] for each in found]
    assert len({*given}) == 4
    assert given[2:] == ["mine", "req-1"]


def test_logged_says_what_happened_and_no_payload(
    kit: Kit, caplog: pytest.LogCaptureFixture
) -> None:
    kit.around("correlated", "logged")
    with caplog.at_level(logging.INFO, "shop"):
        kit.send(ADD, {"cart": "secret"}, key="k")
        kit.send(ADD, {"cart": "secret"}, key="k")
        kit.send(ADD, {"cart": "secret", "refuse": "KD605"})
        kit.ask(COUNT, {})
        kit.ask(COUNT, {})
        with pytest.raises(errors.InvalidCommand):
            kit.send(ADD, {"secret": 1})
    lines = [record.getMessage() for record in caplog.records if record.name == "shop"]
    said = [re.sub(r" \([\d.]+ ms, correlation [0-9a-f-]{36}\)$", "", line) for line in lines]
    assert said == [
        "command add: done",
        "command add: done, replayed",
        "command add: rejected KD605",
        "query count: computed",
        "query count: cached",
        "command add: failed InvalidCommand KD602",
    ]
    assert "secret" not in "".join(lines)


# --- cancelling --------------------------------------------------------------------------------


async def test_a_cancelled_command_leaves_nothing_and_its_key_free(url: str) -> None:
    started = asyncio.Event()
    wait = [True]
    async with AsyncDatabase(url, max_size=2) as db:
        bus = AsyncCommandBus(db)

        @bus.handles(OUTSIDE)
        async def handler(tx: AsyncTransaction, sent: Sent[Add]) -> Added:
            done = await tx.run(append_event("cart", sent.payload.cart, "Added", {}))
            if wait:
                wait.clear()
                started.set()
                await asyncio.Event().wait()
            return Added(done.version)

        task = asyncio.create_task(bus.send(OUTSIDE, Add("c"), key="k", context=ADA))
        await asyncio.wait_for(started.wait(), 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(happened, url) == (0, 0)
        again = await bus.send(OUTSIDE, Add("c"), key="k", context=ADA)
    assert (again.value(), again.replayed) == (Added(1), False)
    assert await asyncio.to_thread(happened, url) == (1, 1)


async def test_a_query_that_is_cancelled_in_the_database_keeps_nothing(url: str) -> None:
    with connect(url) as conn:
        conn.execute(
            b"""create function shop.slow(p_params jsonb) returns jsonb
            language plpgsql stable as $$
            begin perform pg_sleep(600); return '1'; end $$;
            grant execute on function shop.slow(jsonb) to authenticated, service_role, super_admin;
            select dbkit.register_query('slow', 'shop.slow', '{Added}')"""
        )
    slow = QueryType("slow", dict, int)
    async with AsyncDatabase(url, connect_options={"application_name": "asker"}) as db:
        task = asyncio.create_task(AsyncQueryBus(db).ask(slow, {}, context=ADA))
        await asyncio.to_thread(wait_for_sleep, url)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await asyncio.to_thread(counted, url, "query_cache") == 0


def wait_for_sleep(url: str) -> None:
    statement = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'"
    with connect(url, autocommit=True) as conn:
        for _ in range(100_000):
            if one(conn, statement + " and application_name = 'asker'"):
                return
    raise AssertionError("it does not run")
