"""A guest schema with appliers and upcasters, and short ways to append and to read states."""

from __future__ import annotations

from typing import Any

from psycopg.types.json import Jsonb

from tests.helpers import Connection, one, rows

GUEST = """
create schema if not exists guest;
grant usage on schema guest to public;
create or replace function guest.{name}({arguments}) returns jsonb
language plpgsql {volatility} as $guest$ begin {body} end $guest$;
grant execute on function guest.{name}({arguments}) to public;
"""
COUNTER = """
return p_state || jsonb_build_object(
  'count', coalesce((p_state ->> 'count')::int, 0) + 1,
  'sum', coalesce((p_state ->> 'sum')::int, 0) + (p_event.event_data ->> 'amount')::int,
  'schema', p_event.schema_version);
"""
"""Counts the events, adds up their amounts, and keeps the newest schema version."""
DOUBLE = COUNTER.replace("(p_event.event_data", "2 * (p_event.event_data")

STATE = "select dbkit.get_aggregate_state(%s, %s, %s, %s)"


def applier(conn: Connection, name: str, body: str = COUNTER) -> str:
    conn.execute(
        GUEST.format(
            name=name,
            arguments="p_state jsonb, p_event dbkit.event_store",
            volatility="immutable",
            body=body,
        ).encode()
    )
    return f"guest.{name}(jsonb,dbkit.event_store)"


def upcaster(conn: Connection, name: str, value: str, volatility: str = "immutable") -> str:
    """Returns the JSON expression `value` of p_data."""
    conn.execute(
        GUEST.format(
            name=name, arguments="p_data jsonb", volatility=volatility, body=f"return {value};"
        ).encode()
    )
    return f"guest.{name}(jsonb)"


def register(conn: Connection, aggregate_type: str = "tab", body: str = COUNTER) -> str:
    """An applier of its own name for the aggregate type."""
    signature = applier(conn, f"apply_{aggregate_type}", body)
    conn.execute("select dbkit.register_applier(%s, %s)", [aggregate_type, signature])
    return signature


def append(
    conn: Connection,
    *amounts: int,
    stream: str = "a",
    event_type: str = "Added",
    aggregate_type: str = "tab",
    schema_version: int | None = None,
) -> int:
    """One event for each amount, in a batch; the stream's version after it."""
    event: dict[str, Any] = {"event_type": event_type}
    if schema_version is not None:
        event["schema_version"] = schema_version
    events = [event | {"event_data": {"amount": amount}} for amount in amounts]
    found: int = one(
        conn,
        "select (dbkit.append_events(%s, %s, %s) ->> 'last_version')::bigint",
        *(aggregate_type, stream, Jsonb(events)),
    )
    return found


def append_at(conn: Connection, at: str, amount: int, stream: str = "a") -> None:
    conn.execute("select set_config('dbkit.clock', %s, true)", [at])
    append(conn, amount, stream=stream)


def state(
    conn: Connection,
    stream: str = "a",
    version: int | None = None,
    at: str | None = None,
    aggregate_type: str = "tab",
) -> Any:
    """What get_aggregate_state returns."""
    return one(conn, STATE, aggregate_type, stream, version, at)


def total(conn: Connection, stream: str = "a", version: int | None = None) -> tuple[Any, Any]:
    """The sum in the state, and the snapshot that was used."""
    found = state(conn, stream, version)
    return found["state"].get("sum"), found["snapshot_version"]


def snapshot(conn: Connection, stream: str = "a", aggregate_type: str = "tab") -> int:
    found: int = one(conn, "select dbkit.create_snapshot(%s, %s)", aggregate_type, stream)
    return found


def snapshots(conn: Connection, stream: str = "a") -> list[int]:
    found = rows(
        conn,
        "select version from dbkit.event_snapshots where aggregate_id = %s order by version",
        stream,
    )
    return [one_of["version"] for one_of in found]


def schema(**properties: str) -> Jsonb:
    """An object with these fields, all required and no others, by JSON type."""
    return Jsonb(
        {
            "type": "object",
            "required": sorted(properties),
            "properties": {name: {"type": kind} for name, kind in properties.items()},
            "additionalProperties": False,
        }
    )


def generated(conn: Connection) -> dict[str, str]:
    """Text of the functions that registrations write."""
    found = rows(
        conn,
        "select proname, prosrc from pg_proc where pronamespace = 'dbkit'::regnamespace and proname"
        " in ('_event_schema_version', '_check_event_data', '_current_event_data',"
        " '_current_schema_version', '_upcast_event_data', '_fold_event')",
    )
    return {function["proname"]: function["prosrc"] for function in found}
