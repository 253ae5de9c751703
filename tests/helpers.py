"""What the tests say in one line: run a statement, become a role, expect a SQLSTATE."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

Connection = psycopg.Connection[dict[str, Any]]

TOMORROW = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}"
"""A UTC day for which there are partitions, also when it begins while the tests run."""


def connect(url: str, **options: Any) -> Connection:
    return psycopg.connect(url, row_factory=dict_row, **options)


def clear_session(conn: Connection) -> None:
    """What DISCARD ALL does but for plans, which a session is kept for, and prepared statements,
    which psycopg counts itself."""
    conn.autocommit = True
    for statement in (
        *("reset role", "reset session authorization", "reset all", "unlisten *"),
        *("discard temp", "discard sequences", "select pg_advisory_unlock_all()"),
    ):
        conn.execute(statement.encode(), prepare=False)
    conn.autocommit = False


@contextmanager
def notices(conn: Connection) -> Iterator[list[str]]:
    """What the server says in the block."""
    heard: list[str] = []

    def note(notice: psycopg.errors.Diagnostic) -> None:
        heard.append(notice.message_primary or "")

    conn.add_notice_handler(note)
    try:
        yield heard
    finally:
        conn.remove_notice_handler(note)


def rows(conn: Connection, statement: str, *args: object) -> list[dict[str, Any]]:
    return conn.execute(statement.encode(), args or None).fetchall()


def row(conn: Connection, statement: str, *args: object) -> dict[str, Any]:
    found = rows(conn, statement, *args)
    assert len(found) == 1, f"{len(found)} rows"
    return found[0]


def one(conn: Connection, statement: str, *args: object) -> Any:
    return next(iter(row(conn, statement, *args).values()))


def become(conn: Connection, role: str, **context: str) -> None:
    """Take a role and a request context until the transaction ends or `unbecome`."""
    conn.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
    conn.execute("select dbkit.set_request_context(%s)", [json.dumps(context)])


def unbecome(conn: Connection) -> None:
    conn.execute("reset role")
    conn.execute("select dbkit.set_request_context('{}')")


def freeze_clock(conn: Connection, at: str) -> None:
    conn.execute("select set_config('dbkit.clock', %s, true)", [at])


@dataclass
class Caught:
    """The error that `raises` met, in parts."""

    sqlstate: str = ""
    message: str = ""
    hint: str = ""
    detail: dict[str, Any] = field(default_factory=dict)


@contextmanager
def raises(conn: Connection, sqlstate: str) -> Iterator[Caught]:
    """Expect an error with this SQLSTATE; what the block did is rolled back to its start."""
    caught = Caught()
    try:
        with conn.transaction():
            yield caught
    except psycopg.Error as error:
        caught.sqlstate = error.sqlstate or ""
        caught.message = error.diag.message_primary or ""
        caught.hint = error.diag.message_hint or ""
        text = error.diag.message_detail or ""
        caught.detail = json.loads(text) if text.startswith("{") else {"text": text}
        assert caught.sqlstate == sqlstate, f"{error.sqlstate}: {error}"
    else:
        raise AssertionError(f"no error; expected {sqlstate}")
