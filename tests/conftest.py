"""One server for the run, one template made by `alembic upgrade head`, a clone or a rolled-back
transaction for each test."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from dbkit.migrations import migrate
from dbkit.server import Server, temporary_server
from dbkit.settings import settings
from tests.helpers import Connection, clear_session, connect
from tests.proof import coverage_hook

_TESTS_A_SESSION = 50
_MEMORY = Path("/dev/shm")
_MEMORY_NEEDED = 4 * 2**30
_numbers = itertools.count(1)


def _in_memory() -> Path | None:
    """A file system in memory, where there is a large one: a database has 900 files, and a disk's
    file system takes longer to make and unlink them than most tests take."""
    try:
        return _MEMORY if shutil.disk_usage(_MEMORY).free >= _MEMORY_NEEDED else None
    except OSError:
        return None


def sibling_url(url: str, database: str) -> str:
    """The same server, another database."""
    parts = conninfo_to_dict(url)
    host = f"{parts['host']}:{parts.get('port', 5432)}"
    password = f":{parts['password']}" if parts.get("password") else ""
    return f"postgresql://{parts['user']}{password}@{host}/{database}"


def run_admin(url: str, statement: sql.SQL | sql.Composed) -> None:
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(statement)


@contextmanager
def new_database(server: Server, source: str) -> Iterator[str]:
    name = f"dbkit_test_{os.getpid()}_{next(_numbers)}"
    parts = {"name": sql.Identifier(name), "source": sql.Identifier(source)}
    make = sql.SQL("create database {name} template {source} strategy file_copy").format(**parts)
    run_admin(server.url, make)
    url = sibling_url(server.url, name)
    # A clone does not take its template's settings along (they hang on the database's OID).
    with psycopg.connect(url, autocommit=True) as conn:
        if conn.execute("select to_regnamespace('dbkit') is not null").fetchall() == [(True,)]:
            path = sql.SQL('alter database {} set search_path = "$user", public, dbkit')
            conn.execute(path.format(sql.Identifier(name)))
    try:
        with coverage_hook.recorded(url):
            yield url
    finally:
        drop = sql.SQL("drop database {} with (force)").format(sql.Identifier(name))
        run_admin(server.url, drop)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(coverage_hook, "sql functions that ran")


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """DATABASE_URL, else the embedded server, else installed binaries (DBKIT_SERVER chooses)."""
    chosen = settings()
    with temporary_server(
        database_url=chosen.database_url, prefer=chosen.server, parent=_in_memory()
    ) as server:
        print(f"\nserver: {server.reason}")
        yield server


@pytest.fixture(scope="session")
def template(server: Server) -> Iterator[str]:
    """Name of a database migrated by `alembic upgrade head`; tests clone it."""
    name = f"dbkit_template_{os.getpid()}"
    run_admin(server.url, sql.SQL("create database {}").format(sql.Identifier(name)))
    migrate(sibling_url(server.url, name))
    yield name
    drop = sql.SQL("drop database {} with (force)").format(sql.Identifier(name))
    run_admin(server.url, drop)


@pytest.fixture
def empty_database(server: Server) -> Iterator[str]:
    """URL of a new database without dbkit."""
    with new_database(server, "template1") as url:
        yield url


@pytest.fixture
def database(server: Server, template: str) -> Iterator[str]:
    """URL of a clone of the template, for tests that commit or need many connections."""
    with new_database(server, template) as url:
        yield url


@pytest.fixture(scope="session")
def shared_database(server: Server, template: str) -> Iterator[str]:
    with new_database(server, template) as url:
        yield url


@pytest.fixture(scope="session")
def open_session(shared_database: str) -> Iterator[Callable[[], Connection]]:
    """The session that tests have in turn. Now and then a new one: what a session has compiled of
    functions that are rolled back, it keeps, and looks through whenever an object changes."""
    kept: list[Connection] = []
    numbers = itertools.count(1)

    def give() -> Connection:
        if kept and (kept[0].closed or next(numbers) % _TESTS_A_SESSION == 0):
            kept.pop().close()
        if not kept:
            kept.append(connect(shared_database))
        return kept[0]

    yield give
    for conn in kept:
        conn.close()


@pytest.fixture
def db(open_session: Callable[[], Connection]) -> Iterator[Connection]:
    """A superuser's connection in a transaction that is rolled back. Its session goes on from test
    to test, as in a pool: a new one, with nothing compiled yet, takes longer than most tests."""
    conn = open_session()
    yield conn
    if not conn.closed:
        conn.rollback()
        clear_session(conn)
