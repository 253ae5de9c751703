"""What the tests of verification and forgetting have in common."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.helpers import Connection, one, rows

PERSON = {"customer": {"id": "cu-1", "name": "Ada", "email": "ada@example.org"}, "plain": 1}


def append(
    conn: Connection,
    stream: str,
    event_type: str = "Happened",
    data: Mapping[str, object] | None = None,
) -> dict[str, Any]:
    """Append to a stream of `thing`."""
    answer: dict[str, Any] = one(
        conn,
        "select dbkit.append_event('thing', %s, %s, %s::jsonb)",
        *(stream, event_type, json.dumps(data or {"n": 1})),
    )
    return answer


def problems(conn: Connection) -> set[str]:
    return {found["problem"] for found in rows(conn, "select * from dbkit.verify_events()")}


def chain(conn: Connection) -> None:
    """Streams of `thing` that begin from now on carry hashes."""
    conn.execute(
        "insert into dbkit.event_aggregate_types (aggregate_type, is_chained, registered_at,"
        " registered_by) values ('thing', true, now(), 'test')"
    )


def protect(conn: Connection) -> None:
    conn.execute(
        "select dbkit.protect_event_fields('Registered', '{customer,id}',"
        """ '[["customer", "name"], ["customer", "email"]]')"""
    )


def behind_the_guards(conn: Connection, statement: str) -> None:
    """What only the owner can do: change events with the triggers off, and put them back."""
    guards = rows(
        conn,
        "select tgrelid::regclass::text as name, tgname from pg_trigger"
        " where tgfoid = 'dbkit._refuse_event_change()'::regprocedure",
    )
    for guard in guards:
        conn.execute(f"alter table {guard['name']} disable trigger {guard['tgname']}".encode())
    conn.execute(statement.encode())
    for guard in guards:
        always = f"alter table {guard['name']} enable always trigger {guard['tgname']}"
        conn.execute(always.encode())


def data_of(conn: Connection, stream: str) -> list[Any]:
    """event_data as it reads."""
    found = rows(conn, "select event_data from dbkit.get_events('thing', %s)", stream)
    return [event["event_data"] for event in found]


def stored(conn: Connection, stream: str) -> Any:
    """event_data as it is stored."""
    return one(conn, "select event_data from dbkit.event_store where aggregate_id = %s", stream)
