"""What tests of the event store say in one line."""

from __future__ import annotations

import json
from typing import Any

from tests.helpers import Connection, one, rows

APPEND = "select dbkit.append_event(%s, %s, %s, %s, %s, %s, %s, %s)"
Json = dict[str, Any]


def append(
    conn: Connection,
    aggregate_id: str,
    event_type: str = "Counted",
    data: object = None,
    *,
    aggregate_type: str = "counter",
    metadata: object = None,
    expect: int | None = None,
    event_id: object = None,
    schema_version: int | None = None,
) -> Json:
    """append_event with a default for all but the stream."""
    found = one(
        conn,
        APPEND,
        *(aggregate_type, aggregate_id, event_type),
        json.dumps({"by": 1} if data is None else data),
        json.dumps({} if metadata is None else metadata),
        *(expect, event_id, schema_version),
    )
    assert isinstance(found, dict)
    return found


def append_many(
    conn: Connection,
    aggregate_id: str,
    events: object,
    *,
    aggregate_type: str = "counter",
    expect: int | None = None,
) -> Json:
    found = one(
        conn,
        "select dbkit.append_events(%s, %s, %s, %s)",
        *(aggregate_type, aggregate_id, json.dumps(events), expect),
    )
    assert isinstance(found, dict)
    return found


def stored(conn: Connection, aggregate_id: str, aggregate_type: str = "counter") -> list[Json]:
    """The events of a stream as they are in the table, by version."""
    return rows(
        conn,
        "select * from dbkit.event_store where aggregate_type = %s and aggregate_id = %s"
        " order by organization_id, version",
        *(aggregate_type, aggregate_id),
    )


def head(conn: Connection, aggregate_id: str, aggregate_type: str = "counter") -> int:
    """Version of a stream's head; 0 where there is no stream."""
    found = rows(
        conn,
        "select version from dbkit.event_streams where aggregate_type = %s and aggregate_id = %s",
        *(aggregate_type, aggregate_id),
    )
    return found[0]["version"] if found else 0
