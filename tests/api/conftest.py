"""A guest schema with handlers, a short way to register calls, and the registry's whole state."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.helpers import Connection, connect, one, rows

ECHO = """
create schema if not exists guest;
grant usage on schema guest to public;
create or replace function guest.{name}(p_payload jsonb) returns jsonb
language plpgsql {volatility} as $guest$ {body} $guest$;
grant execute on function guest.{name}(jsonb) to public;
"""


def handler(conn: Connection, name: str, body: str = "", volatility: str = "stable") -> str:
    """A function of another schema; without a body it answers its own name and the payload."""
    text = (
        body or f"begin return jsonb_build_object('handler', '{name}', 'payload', p_payload); end"
    )
    conn.execute(ECHO.format(name=name, body=text, volatility=volatility).encode())
    return f"guest.{name}(jsonb)"


def register(
    conn: Connection,
    name: str,
    version: str,
    signature: str,
    access: str = "read",
    role: str | None = None,
    schema: object = None,
    compatible_with: Sequence[str] = (),
) -> int:
    found: int = one(
        conn,
        "select dbkit.register_rpc(%s, %s, %s, %s, %s, %s, p_compatible_with => %s::text[])",
        *(name, version, signature, access, role),
        Jsonb({"type": "object"} if schema is None else schema),
        list(compatible_with),
    )
    return found


def call(conn: Connection, name: str, payload: object = None, version: str | None = None) -> Any:
    """`route_api_call` as a client sees it: data and meta."""
    return one(
        conn,
        "select dbkit.route_api_call(%s, %s, %s)",
        *(name, Jsonb({} if payload is None else payload), version),
    )


def context(conn: Connection, **values: str) -> None:
    conn.execute("select dbkit.set_request_context(%s)", [json.dumps(values)])


def platform_only(conn: Connection) -> None:
    """Take out what the domains above module api have registered, as their downgrade would."""
    guests = rows(
        conn,
        "select name, version from dbkit.api_rpcs where name not in"
        " ('get_features', 'check_compatibility', 'get_region_health')",
    )
    for guest in guests:
        conn.execute("select dbkit.unregister_rpc(%s, %s)", [guest["name"], guest["version"]])
    conn.execute("delete from dbkit.feature_flags")


STATE = """
select jsonb_build_object(
  'active', (select jsonb_agg(to_jsonb(t)) from dbkit.active_api_version t),
  'versions', (select jsonb_agg(to_jsonb(t) order by version) from dbkit.api_versions t),
  'rpcs', (select jsonb_agg(to_jsonb(t) order by rpc_id) from dbkit.api_rpcs t),
  'routes', (select jsonb_agg(to_jsonb(t) order by name, explicit, asked, rank)
    from dbkit.api_routes t),
  'consumers', (select jsonb_agg(to_jsonb(t) order by consumer) from dbkit.api_consumers t),
  'flags', (select jsonb_agg(to_jsonb(t) order by feature) from dbkit.feature_flags t),
  'keys', (select jsonb_agg(to_jsonb(t) order by scope, key) from dbkit.api_idempotency_keys t),
  'deployments', (select jsonb_agg(to_jsonb(t) order by id) from dbkit.deployment_log t),
  'releases', (select jsonb_agg(to_jsonb(t) order by release_id) from dbkit.api_releases t),
  'api_keys', (select jsonb_agg(to_jsonb(t) order by key_id) from dbkit.api_keys t),
  'secrets', (select jsonb_agg(to_jsonb(t) order by digest) from dbkit.api_key_secrets t),
  'limits', (select jsonb_agg(to_jsonb(t) order by consumer, call) from dbkit.api_rate_limits t),
  'requests', (select count(*) from dbkit.api_request_log),
  'dispatcher', (select prosrc from pg_proc
    where oid = 'dbkit._dispatch(int, jsonb)'::regprocedure),
  'fast_route', (select regexp_replace(prosrc, '^/.*?/', '') from pg_proc
    where oid = 'dbkit._fast_route(text)'::regprocedure)
)"""


def let_end(conn: Connection, version: str) -> None:
    """The date of an announced sunset has passed, whatever still hangs on the version."""
    conn.execute(
        "update dbkit.api_versions set status = 'deprecated', deprecated_at = dbkit.clock() - "
        "interval '2 days', sunset_at = dbkit.clock() - interval '1 day' where version = %s",
        [version],
    )
    conn.execute("select dbkit._refresh_api_routes()")


def state(conn: Connection) -> Any:
    """Everything that a refused change must leave as it was."""
    return one(conn, STATE)


def outcome(url: str, work: Callable[[Connection], Any]) -> Any:
    """What the work returns on a connection of its own, or the SQLSTATE that it meets."""
    with connect(url, autocommit=True) as conn:
        try:
            return work(conn)
        except psycopg.Error as error:
            return error.sqlstate


def in_parallel(count: int, work: Callable[[int], Any], threads: int = 16) -> list[Any]:
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, range(count)))


def wait_until(conn: Connection, condition: str) -> None:
    """Ask again until true; the server's statement timeout bounds a condition that never comes."""
    for _ in range(200_000):
        if one(conn, f"select {condition}"):
            return
    raise AssertionError(f"never true: {condition}")


def log_sum(conn: Connection, column: str = "calls") -> int:
    found = rows(conn, f"select coalesce(sum({column}), 0) as n from dbkit.api_version_usage")
    return int(found[0]["n"])


@pytest.fixture
def pair(database: str) -> Iterator[tuple[Connection, Connection]]:
    """Two autocommit connections to one clone."""
    with connect(database, autocommit=True) as left, connect(database, autocommit=True) as right:
        yield left, right
