"""Old and new clients that call without a pause, and a record of what each was answered when.

Three kinds: psycopg with prepared statements, `dbkit.AsyncDatabase`, and psql fed through a pipe.
A call's span and a switch's span are read from one clock, so for every answer it is known which
states of the pointer it may have seen.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import subprocess
import threading
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from dbkit import AsyncDatabase, Call, RequestContext
from dbkit.database import Retry
from dbkit.errors import DbkitError
from tests.helpers import connect, one, rows

MINIMUM = {"v1": (1, 0, 0), "v2": (1, 2, 0), "v3": (1, 4, 0)}
"""The version matrix of S0, written down again: the oracle shares nothing with the router."""

BEGINS = {"get_features": "v2"}
"""Calls that v1 does not have."""

ROUTE = "select dbkit.route_api_call(%s, %s::jsonb, %s)"
SWITCH = "select dbkit.switch_api_version(%s)"
STATEMENT_TIMEOUT_MS = 5000


@dataclass(frozen=True)
class Request:
    """One call as one generation of the app makes it."""

    call: str
    app: str | None
    """App version; None: the client does not say."""
    asked: str | None
    """Version that the client names; None: the active one decides."""
    role: str = "anon"
    user: str | None = None
    payload: str = "{}"

    def served(self, active: str) -> str:
        """The version that must answer while `active` is the pointer."""
        top = self.asked or active
        app = tuple(map(int, self.app.split("."))) if self.app else (9, 9, 9)
        fits = [v for v in MINIMUM if BEGINS.get(self.call, "v1") <= v <= top and MINIMUM[v] <= app]
        return max(fits)

    def context(self) -> dict[str, str]:
        said = {"app_name": "shop", "app_version": self.app, "user_id": self.user}
        return {key: value for key, value in said.items() if value is not None}


@dataclass(frozen=True)
class Span:
    """From before something was sent until after it was answered, in seconds of one clock."""

    began: float
    ended: float
    version: str
    """Served (of a call), or active from then on (of a switch)."""


@dataclass(frozen=True)
class Answer:
    client: str
    request: Request
    span: Span
    note: str
    """What else a test wants to know of the answer: its keys."""


@dataclass(frozen=True)
class Failure:
    client: str
    request: Request
    sqlstate: str
    message: str


@dataclass
class Traffic:
    """Callers of one database, from entering the block to leaving it."""

    url: str
    psql: Path
    statement_timeout_ms: int = STATEMENT_TIMEOUT_MS
    answers: list[Answer] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    broken: list[BaseException] = field(default_factory=list)
    """Errors of the callers themselves."""

    def __post_init__(self) -> None:
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._options = f"-c statement_timeout={self.statement_timeout_ms}"

    @contextmanager
    def running(
        self, sync: Sequence[list[Request]], asynchronous: list[list[Request]], psql: list[Request]
    ) -> Iterator[Traffic]:
        """A caller for each list of `sync` and of `asynchronous`, and one psql."""
        work: list[tuple[Callable[..., None], Any]] = [
            *((self._sync_caller, (f"psycopg {n}", r)) for n, r in enumerate(sync)),
            (self._async_callers, (asynchronous,)),
            (self._psql_caller, ("psql", psql)),
        ]
        with self.at_work(work):
            yield self

    @contextmanager
    def at_work(self, work: Sequence[tuple[Callable[..., None], Any]]) -> Iterator[None]:
        """A thread for each function with its arguments; each ends when `ended` is true."""
        threads = [threading.Thread(target=self._guard, args=(f, a)) for f, a in work]
        for thread in threads:
            thread.start()
        try:
            self.more(20 * len(threads))
            yield
            self.more(20 * len(threads))
        finally:
            self._stop.set()
            for thread in threads:
                thread.join(60)
        assert self.broken == [], self.broken

    @property
    def ended(self) -> bool:
        """Whether callers shall end."""
        return self._stop.is_set()

    def more(self, count: int) -> None:
        """Wait until so many further calls were answered or failed."""
        with self._changed:
            wanted = len(self.answers) + len(self.failures) + count

            def reached() -> bool:
                done = len(self.answers) + len(self.failures) >= wanted
                return done or bool(self.broken)

            assert self._changed.wait_for(reached, 60), "the callers stand still"

    def until_failure(self, sqlstate: str) -> None:
        """Wait until a call failed with this SQLSTATE."""

        def met() -> bool:
            return any(f.sqlstate == sqlstate for f in self.failures) or bool(self.broken)

        with self._changed:
            assert self._changed.wait_for(met, 60), f"no {sqlstate}: {self.failures[:3]}"

    def _guard(self, function: Callable[..., None], arguments: Any) -> None:
        try:
            function(*arguments)
        except BaseException as error:  # running() reports it
            with self._changed:
                self.broken.append(error)
                self._changed.notify_all()

    def answered(self, client: str, request: Request, began: float, answer: Any) -> None:
        """Note a call that worked: `answer` has version and note."""
        span = Span(began, time.monotonic(), answer["version"])
        with self._changed:
            self.answers.append(Answer(client, request, span, answer["note"]))
            self._changed.notify_all()

    def failed(self, client: str, request: Request, sqlstate: str, message: str) -> None:
        """Note a call that did not."""
        with self._changed:
            self.failures.append(Failure(client, request, sqlstate, message))
            self._changed.notify_all()

    # --- the three kinds ---------------------------------------------------------------------

    def _sync_caller(self, client: str, requests: list[Request]) -> None:
        """One long-lived connection, every statement prepared at its first use."""
        with psycopg.connect(
            self.url, autocommit=True, prepare_threshold=0, options=self._options
        ) as connection:
            for request in itertools.cycle(requests):
                if self.ended:
                    return
                began = time.monotonic()
                try:
                    with connection.transaction():
                        role = sql.Identifier(request.role)
                        connection.execute(sql.SQL("set local role {}").format(role))
                        context = json.dumps(request.context())
                        connection.execute("select dbkit.set_request_context(%s)", [context])
                        arguments = [request.call, request.payload, request.asked]
                        answer = connection.execute(ROUTE, arguments).fetchall()[0][0]
                except psycopg.Error as error:
                    self.failed(client, request, error.sqlstate or "", str(error))
                else:
                    self.answered(client, request, began, _summary(answer))

    def _async_callers(self, scripts: list[list[Request]]) -> None:
        asyncio.run(self._all_async_callers(scripts))

    async def _all_async_callers(self, scripts: list[list[Request]]) -> None:
        async with AsyncDatabase(
            self.url,
            retry=Retry(attempts=1),
            connect_options={"options": self._options, "prepare_threshold": 0},
        ) as database:
            callers = (
                self._async_caller(database, f"async {n}", script)
                for n, script in enumerate(scripts)
            )
            await asyncio.gather(*callers)

    async def _async_caller(
        self, database: AsyncDatabase, client: str, requests: list[Request]
    ) -> None:
        for request in itertools.cycle(requests):
            if self.ended:
                return
            began = time.monotonic()
            arguments = (request.call, request.payload, request.asked)
            call = Call("routed", ROUTE, arguments, lambda found: _summary(found[0][0]))
            context = RequestContext(**request.context())
            try:
                answer = await database.run(call, context=context, role=request.role)
            except (psycopg.Error, DbkitError) as error:
                self.failed(client, request, error.sqlstate or "", str(error))
            else:
                self.answered(client, request, began, answer)

    def _psql_caller(self, client: str, requests: list[Request]) -> None:
        """A psql that reads statements as they come; it ends at the first error."""
        environment = os.environ | {"PGOPTIONS": self._options}
        command = [
            str(self.psql),
            "-XqAt",
            "-v",
            "ON_ERROR_STOP=1",
            "-v",
            "VERBOSITY=verbose",
            self.url,
        ]
        with subprocess.Popen(
            command,
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdin.write(PSQL_PREPARE)
            for request in itertools.cycle(requests):
                if self.ended:
                    break
                began = time.monotonic()
                process.stdin.write(_psql_statements(request))
                process.stdin.flush()
                line = process.stdout.readline().strip()
                if not line:
                    said = process.stderr.read()
                    sqlstate = said.split("ERROR:")[-1].split(":")[0].strip()
                    self.failed(client, request, sqlstate, said)
                    return
                self.answered(client, request, began, _summary(json.loads(line)))
            process.stdin.close()


PSQL_PREPARE = "prepare route (text, jsonb, text) as select dbkit.route_api_call($1, $2, $3);\n"


def _psql_statements(request: Request) -> str:
    def quoted(text: str | None) -> str:
        return "null" if text is None else "'" + text.replace("'", "''") + "'"

    return (
        f"begin; set local role {request.role};\n"
        f"do $do$ begin perform dbkit.set_request_context({quoted(json.dumps(request.context()))});"
        " end $do$;\n"
        f"execute route({quoted(request.call)}, {quoted(request.payload)},"
        f" {quoted(request.asked)});\ncommit;\n"
    )


def _summary(answer: Any) -> dict[str, str]:
    data = answer["data"]
    keys = ",".join(sorted(data)) if isinstance(data, dict) else type(data).__name__
    return {"version": answer["meta"]["version"], "note": keys}


# --- the operator ----------------------------------------------------------------------------


@dataclass
class Operator:
    """Switches the version and notes when."""

    url: str
    switches: list[Span] = field(default_factory=list)

    def start(self) -> None:
        with connect(self.url) as conn:
            active = one(conn, "select current_version from dbkit.active_api_version")
        self.switches.append(Span(float("-inf"), float("-inf"), active))

    def switch(self, conn: psycopg.Connection[Any], version: str) -> None:
        began = time.monotonic()
        conn.execute(SWITCH, [version])
        self.switches.append(Span(began, time.monotonic(), version))

    @contextmanager
    def connected(self) -> Iterator[psycopg.Connection[Any]]:
        with psycopg.connect(self.url, autocommit=True, prepare_threshold=0) as conn:
            conn.execute("set role super_admin")
            yield conn


@contextmanager
def switching(traffic: Traffic, operator: Operator) -> Iterator[None]:
    """An operator who goes back and forth between v2 and v3 all the while."""
    done = threading.Event()
    failed: list[BaseException] = []

    def work() -> None:
        try:
            with operator.connected() as conn:
                for version in itertools.cycle(["v3", "v2"]):
                    if done.is_set():
                        return
                    operator.switch(conn, version)
                    traffic.more(20)
        except BaseException as error:  # raised again below
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(60)
    assert failed == []


def not_allowed(answers: list[Answer], switches: list[Span]) -> list[Answer]:
    """Answers of a version that no state of the pointer during the call gives that client.

    State n can be met from when the switch to it began until the next one was answered.
    """
    began = [switch.began for switch in switches]
    ended = [switch.ended for switch in switches[1:]] + [float("inf")]
    assert began == sorted(began)

    def wrong(answer: Answer) -> bool:
        first = bisect_left(ended, answer.span.began)
        last = bisect_right(began, answer.span.ended)
        met = {switch.version for switch in switches[first:last]}
        return answer.span.version not in {answer.request.served(active) for active in met}

    return [answer for answer in answers if wrong(answer)]


def audit(url: str) -> list[tuple[str, str, int]]:
    """Previous version, version and revision of every switch that was logged, in order."""
    with connect(url) as conn:
        found = rows(
            conn,
            "select details ->> 'previous_version' as before, version,"
            " (details ->> 'revision')::bigint as revision from dbkit.deployment_log"
            " where kind = 'api_switch' order by revision",
        )
    return [(f["before"], f["version"], f["revision"]) for f in found]
