"""The databases that the event store's figures are taken in, and what a benchmark does in them.

dbkit is installed by a login that is no superuser, and called by service_role: row level security
is on for the caller and inside the functions. The bare table next to it has the same columns and
keys, and nothing else: no trigger, no policy, no head row.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from dbkit.migrations import migrate

STREAMS = 20
"""Streams of one client, which it appends to in turn."""

ORGANIZATION = "default"

PAYLOAD: dict[str, Any] = {
    "order_id": "0192f5c1-7a3b-7c44-9d1e-2f6b8a90c3d7",
    "store_id": 42,
    "customer": {"id": 90210, "name": "Ada Example", "phone": "+4930123456"},
    "items": [{"sku": "margherita-32", "quantity": 2, "unit_price_cents": 1090}],
    "total_cents": 2180,
    "currency": "EUR",
}
DATA = json.dumps(PAYLOAD)

TURN = f"""\\set i :i + 1
\\set stream :base + :client_id * {STREAMS} + :i % {STREAMS}
\\set version 1 + :i / {STREAMS}
\\set next :version + 1
"""
"""One step of a client: which stream is next, and the version that stream has by now."""

BARE = """
create schema bench;
create sequence bench.position_seq as bigint cache 1;
create table bench.events (like dbkit.event_store including all);
alter table bench.events alter position set default nextval('bench.position_seq');
grant usage on schema bench to public;
grant usage on sequence bench.position_seq to service_role;
grant insert on bench.events to service_role;
"""

FLOOR = """
create table bench.heads (like dbkit.event_streams including all) with (fillfactor = 90);
create function bench.append(p_aggregate_id text, p_event_data jsonb, p_expected_version bigint,
  p_event_id uuid)
returns bigint language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_version bigint;
begin
  update bench.heads h set version = h.version + 1
  where h.organization_id = 'default' and h.aggregate_type = 'floor'
    and h.aggregate_id = p_aggregate_id and h.version = p_expected_version
  returning h.version into v_version;
  insert into bench.events (version, created_at, event_id, schema_version, organization_id,
    aggregate_type, aggregate_id, event_type, event_data, metadata)
  values (v_version, clock_timestamp(), p_event_id, 1, 'default', 'floor', p_aggregate_id,
    'OrderPlaced', p_event_data, '{}');
  return v_version;
end
$$;
alter function bench.append owner to bench_owner;
grant insert on bench.events to bench_owner;
grant usage on sequence bench.position_seq to bench_owner;
grant select, insert, update on bench.heads to bench_owner;
grant insert on bench.heads to service_role;
"""
"""The least that a function with a head row costs: nothing is marked, looked up, or checked."""

_OWNER = "bench_owner"


@dataclass(frozen=True)
class Plan:
    """How long and how much; `url` is the superuser's, of the server's first database."""

    url: str
    rounds: int
    seconds: int
    stored_millions: float
    say: Callable[[str], None]


@dataclass(frozen=True)
class Contestant:
    """One way to append: a pgbench step, and the statement that makes the streams it appends to."""

    name: str
    url: str
    append: str
    begin_streams: str
    """With {first} and {last}: numbers of the streams, which get one event each."""

    table: str
    """Where its events are, one a row."""

    @property
    def script(self) -> str:
        return TURN + self.append

    def prepare(self, first: int, last: int) -> None:
        with psycopg.connect(self.url, autocommit=True) as conn:
            conn.execute(self.begin_streams.format(first=first, last=last).encode())

    def stored(self) -> int:
        return number(self.url.partition("?")[0], f"select count(*) from {self.table}")


def variables(base: int) -> dict[str, str | int]:
    return {"base": base, "i": -1, "data": DATA}


def sibling(url: str, database: str, *, role: str | None = None) -> str:
    """Another database of the same server; with `role`, in its rights from the first statement."""
    parts = conninfo_to_dict(url)
    return _join(parts, str(parts["user"]), str(parts.get("password", "")), database, role)


def in_role(url: str, role: str) -> str:
    return sibling(url, str(conninfo_to_dict(url)["dbname"]), role=role)


def as_login(url: str, user: str, password: str) -> str:
    """The same database, of another login."""
    parts = conninfo_to_dict(url)
    return _join(parts, user, password, str(parts["dbname"]), None)


def _join(
    parts: Mapping[str, object], user: str, password: str, database: str, role: str | None
) -> str:
    secret = f":{quote(password, safe='')}" if password else ""
    tail = f"?options={quote(f'-c role={role}')}" if role else ""
    return f"postgresql://{user}{secret}@{parts['host']}:{parts['port']}/{database}{tail}"


def execute(url: str, text: str) -> None:
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(text.encode())


def number(url: str, text: str) -> int:
    with psycopg.connect(url, autocommit=True) as conn:
        return int(conn.execute(text.encode()).fetchall()[0][0])


def create_database(url: str, name: str, owner: str | None = None) -> str:
    """A new database; its URL, as superuser."""
    statement = sql.SQL("create database {}").format(sql.Identifier(name))
    if owner is not None:
        statement += sql.SQL(" owner {}").format(sql.Identifier(owner))
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(statement)
    return sibling(url, name)


def create_store(url: str, name: str) -> str:
    """A database with dbkit, migrated by its owner, and the bare table; its URL, as superuser."""
    _create_owner(url)
    made = create_database(url, name, owner=_OWNER)
    parts = conninfo_to_dict(made)
    migrate(_join(parts, _OWNER, str(parts.get("password") or _OWNER), name, None))
    execute(made, BARE)
    execute(made, FLOOR)
    return made


def _create_owner(url: str) -> None:
    password = str(conninfo_to_dict(url).get("password") or _OWNER)
    with psycopg.connect(url, autocommit=True) as conn:
        if conn.execute("select from pg_roles where rolname = %s", [_OWNER]).rowcount:
            return
        conn.execute(
            sql.SQL("create role {} login createrole password {}").format(
                sql.Identifier(_OWNER), sql.Literal(password)
            )
        )


def dbkit_contestant(store: str) -> Contestant:
    return Contestant(
        "dbkit",
        in_role(store, "service_role"),
        "select dbkit.append_event('order', :stream, 'OrderPlaced', :data, '{}', :version,"
        " gen_random_uuid());\n",
        "select dbkit.append_event('order', s::text, 'OrderPlaced', '{{}}')"
        " from generate_series({first}, {last}) s",
        "dbkit.event_store",
    )


def bare_contestant(store: str) -> Contestant:
    columns = (
        "version, created_at, event_id, schema_version, organization_id, aggregate_type,"
        " aggregate_id, event_type, event_data, metadata, correlation_id, causation_id, actor_id"
    )
    return Contestant(
        "bare INSERT",
        in_role(store, "service_role"),
        f"insert into bench.events ({columns}) values (:next, clock_timestamp(),"
        f" gen_random_uuid(), 1, '{ORGANIZATION}', 'order', :stream, 'OrderPlaced', :data, '{{}}',"
        " null, null, null);\n",
        f"insert into bench.events ({columns}) select 1, clock_timestamp(), gen_random_uuid(), 1,"
        f" '{ORGANIZATION}', 'order', s::text, 'OrderPlaced', '{{{{}}}}', '{{{{}}}}', null, null,"
        " null from generate_series({first}, {last}) s",
        "bench.events",
    )


def floor_contestant(store: str) -> Contestant:
    return Contestant(
        "floor",
        in_role(store, "service_role"),
        "select bench.append(:stream, :data, :version, gen_random_uuid());\n",
        "insert into bench.heads (organization_id, aggregate_type, aggregate_id, version,"
        f" last_event_at, created_at, is_chained) select '{ORGANIZATION}', 'floor', s::text, 1,"
        " now(), now(), false from generate_series({first}, {last}) s",
        "bench.events",
    )
