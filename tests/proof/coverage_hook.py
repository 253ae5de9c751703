"""Which SQL functions the suite has run: counted by Postgres, gathered before a database goes.

Each database that has dbkit gets `track_functions = all`; `recorded` reads the counts when the
test is done with it. Postgres does not count a call that ends in an error, and some functions only
raise: those are known from the CONTEXT of the errors that psycopg met. Under xdist every worker
hands its names to the controller. When all tests of the modules were collected, a function of
`sql/` that nothing called fails the run.

tests/conftest.py registers this module as a plugin, and its `new_database` yields inside
`with coverage_hook.recorded(url): …`.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from dbkit import sqltree

TESTS = Path(__file__).parents[1]
GENERATED = frozenset(
    {
        "_dispatch",
        "_dispatch_command",
        "_dispatch_query",
        "_dispatch_shared_query",
        "_fast_route",
        "_list_page",
        "_metric_runway",
        "_metric_value_key",
    }
)
"""Functions that a function writes."""

_WAIT_POLLS = 200
_CALLED = "dbkit_called_functions"
_COLLECTED = "dbkit_collected_files"

called: set[str] = set()
"""Functions of dbkit that were called in a recorded database, in this process and its workers."""

_collected: set[str] = set()
_deselected: list[object] = []
_missing: list[str] = []


# --- one database ----------------------------------------------------------------------------


@contextmanager
def recorded(url: str) -> Iterator[str]:
    """Count the functions that sessions opened in the block call, if the database has dbkit."""
    if track(url):
        try:
            yield url
        finally:
            called.update(functions_called(url))
    else:
        yield url


def track(url: str) -> bool:
    """Let later sessions of a database count calls; False where dbkit is not installed."""
    with psycopg.connect(url, autocommit=True) as conn:
        there = "select to_regnamespace('dbkit') is not null, current_database()"
        installed, name = conn.execute(there).fetchall()[0]
        if installed:
            statement = sql.SQL("alter database {} set track_functions = 'all'")
            conn.execute(statement.format(sql.Identifier(name)))
        return bool(installed)


def functions_called(url: str) -> set[str]:
    """Names of dbkit's functions with a call counted, rolled back or not."""
    with psycopg.connect(url, autocommit=True) as conn:
        _wait_for_others(conn)
        found = conn.execute(
            "select funcname from pg_stat_user_functions where schemaname = 'dbkit' and calls > 0"
        )
        return {name for (name,) in found.fetchall()}


def _wait_for_others(conn: psycopg.Connection[Any]) -> None:
    """A session hands in its counts before it leaves pg_stat_activity. One that a test left open
    for good loses its own."""
    others = (
        "select exists (select from pg_stat_activity where datname = current_database()"
        " and pid <> pg_backend_pid() and backend_type = 'client backend')"
    )
    for _ in range(_WAIT_POLLS):
        if conn.execute(others).fetchall() == [(False,)]:
            return


_FRAME = re.compile(r"^PL/pgSQL function (?:dbkit\.)?(\w+)\(", re.MULTILINE)


def functions_in(context: str) -> set[str]:
    """Names of the PL/pgSQL functions in an error's CONTEXT."""
    return set(_FRAME.findall(context))


def note_errors(patch: pytest.MonkeyPatch) -> None:
    """Let every error that psycopg meets add the functions that it came through."""
    original = psycopg.errors.error_from_result

    def noting(result: Any, *arguments: Any, **options: Any) -> psycopg.Error:
        error = original(result, *arguments, **options)
        called.update(functions_in(error.diag.context or ""))
        return error

    patch.setattr(psycopg.errors, "error_from_result", noting)


# --- the whole run ---------------------------------------------------------------------------


def functions_of_the_tree() -> dict[str, str]:
    """Text by name; none for what is generated."""
    tree = sqltree.read_tree(sqltree.shipped_root() / "sql")
    written = {item.name: text for item, text in tree.items() if item.kind == "functions"}
    return written | dict.fromkeys(GENERATED, "")


def files_that_count() -> set[str]:
    """Test files of the modules: the run is whole when each of them was collected."""
    tree = sqltree.read_tree(sqltree.shipped_root() / "sql")
    folders = {TESTS / item.module for item in tree}
    return {str(file) for folder in folders for file in folder.glob("test_*.py")}


def never_called(known: Mapping[str, str], were_called: set[str]) -> list[str]:
    """Functions that nothing called. One in `language sql` may be inlined, and an aggregate is no
    call of its own; both are counted nowhere: they ran where a function that names them has."""

    def ran(name: str, text: str) -> bool:
        mention = re.compile(rf"\bdbkit\.{name}\b")
        uncounted = "\nlanguage sql\n" in text or "create or replace aggregate" in text
        named = any(mention.search(known[other]) for other in were_called & known.keys() - {name})
        return name in were_called or (uncounted and named)

    return sorted(name for name, text in known.items() if not ran(name, text))


_patch = pytest.MonkeyPatch()


def pytest_configure() -> None:
    note_errors(_patch)


def pytest_unconfigure() -> None:
    _patch.undo()


def pytest_itemcollected(item: pytest.Item) -> None:
    _collected.add(str(item.path))


def pytest_deselected(items: list[pytest.Item]) -> None:
    _deselected.extend(items)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """xdist's, on the controller: a worker is done."""
    output = getattr(node, "workeroutput", {})
    called.update(output.get(_CALLED, []))
    _collected.update(output.get(_COLLECTED, []))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_CALLED] = sorted(called)
        output[_COLLECTED] = [] if _deselected else sorted(_collected)
        return
    whole = not _deselected and files_that_count() <= _collected
    if whole and exitstatus == pytest.ExitCode.OK:
        _missing[:] = never_called(functions_of_the_tree(), called)
        if _missing:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(wrapper=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter,
) -> Generator[None, None, None]:
    if _missing:
        terminalreporter.section("SQL functions that no test called", red=True)
        terminalreporter.line(", ".join(_missing))
    return (yield)
