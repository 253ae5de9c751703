"""Every function of the event store takes whatever fits its signature: the outcome is an answer, or
an error of ours that says what was wrong. And what an append let in, every reader can read."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from dbkit import sqltree
from tests.helpers import Connection, connect, one, rows
from tests.proof import hostile
from tests.proof.test_hostile_input import Outcomes, client

SEED = 20261121
PAIRS = 60
"""Argument lists of each function with two things wrong."""
TEXTS: list[Any] = [
    *(None, "", " ", "%s %I %L %1$s", "'; drop table dbkit.event_store; --", '"; select 1; --'),
    *("$$; select 1; $$", "$text$", "$function$", "\\", "{}", "{1,2}", "null", "NULL", "*", "🍕"),
    *("\u202e", "a\nb\tc", "'", '"', "x" * 100, "x" * 101, "x" * 201, "é" * 100_000, "1", "-1"),
    *("dbkit.event_store", "pg_catalog.now", "now()", "dbkit.append_event", "(1,2)", "cart", "c-1"),
    *("ItemAdded", "totals", "public.fold", "public.fold(jsonb, dbkit.event_store)", "../a", "a/b"),
]
WHOLES: list[Any] = [None, 0, -1, -2, 1, 2, 1000, 10_001, 1_000_001, 2**31 - 1, -(2**31)]
LONGS: list[Any] = [*WHOLES, 2**31, 2**63 - 1, -(2**63)]
TIMES: list[Any] = [None, "infinity", "-infinity", "4713-01-01 BC", "294276-12-31", "2026-11-21"]
UUIDS: list[Any] = [None, "00000000-0000-0000-0000-000000000000", "A" * 32]
IDS: list[Any] = [None, [], [None], [-1], [2**62], [1] * 1000]
LISTS: list[Any] = [None, [], [None], [""], ["*"], ["ItemAdded"], ["*", "ItemAdded"], ["x" * 101]]
LISTS += [["ItemAdded"] * 1000, ["'", "{", '"', "\\"], [["a"], ["b"]]]
EVENTS = [
    {"event_type": "ItemAdded", "event_data": {}, "event_id": "1"},
    {"event_type": "ItemAdded", "event_data": {}, "event_id": "0" * 31},
    {"event_type": "ItemAdded", "event_data": {}, "event_id": {"a": 1}},
    {"event_type": "ItemAdded", "event_data": {}, "schema_version": 1.5},
    {"event_type": "ItemAdded", "event_data": {}, "schema_version": 2**40},
    {"event_type": "ItemAdded", "event_data": {}, "schema_version": "1"},
    {"event_type": "ItemAdded", "event_data": {"by": "x" * 2_000_000}},
    {"event_type": "ItemAdded", "event_data": {}, "created_at": "2000-01-01"},
    {"event_type": 7, "event_data": {}},
    {"event_type": "ItemAdded"},
]
DEEP = ["[" * 1500 + "]" * 1500, '{"a":' * 1500 + "1" + "}" * 1500]
SCHEMAS = [
    *('{"type": "nothing"}', '{"$ref": "#"}', '{"pattern": "("}', '{"properties": 1}'),
    *('{"minimum": "a"}', '{"required": [1]}', '{"enum": {}}', '{"maxLength": -1}'),
    '{"type": "object", "properties": {"a\'b": {"type": "string", "maxLength": 1e30}}}',
    '{"type": "object", "properties": {"a": {"minimum": -1e400}}, "additionalProperties": false}',
]

USUAL: dict[str, Any] = {
    "p_aggregate_type": "cart",
    "p_aggregate_id": "c-1",
    "p_event_type": "ItemAdded",
    "p_event_data": '{"item": 1, "by": "u"}',
    "p_metadata": "{}",
    "p_events": '[{"event_type": "ItemAdded", "event_data": {"item": 2}}]',
    "p_event_types": ["ItemAdded"],
    "p_aggregate_types": None,
    "p_json_schema": '{"type": "object"}',
    "p_limit": 10,
    "p_projection": "totals",
    "p_reader": "mailer",
    "p_key": "c-1",
    "p_applier": "public.fold",
    "p_reducer": "public.fold",
    "p_upcaster": "public.newer",
    "p_direction": "forward",
    "p_mode": "async",
    "p_access": "organization",
    "p_subject": "u",
    "p_snapshot_every": 10,
    "p_is_chained": False,
    "p_from_version": 1,
    "p_to_version": 2,
    "p_position": 1,
    "p_after_position": 0,
    "p_subject_path": ["by"],
    "p_fields": '[["item"]]',
    "p_url": "https://example.org/hook",
    "p_worker": "w",
    "p_lease_seconds": 60,
    "p_delivery_id": 1,
    "p_dead_letter_ids": [1],
    "p_token": 1,
    "p_overlap_hours": 24,
    "p_hours": 24,
    "p_timeout_seconds": 20,
    "p_max_in_flight": 10,
    "p_disable_after_hours": 120,
    "p_headers": "{}",
    "p_results": "[]",
    "p_leases": "[]",
    "p_data": "{}",
    "p_older_than": "30 days",
    "p_group": "mail",
    "p_consumer": "c",
    "p_partition": 0,
    "p_partitions": 1,
    "p_max_failures": 1,
    "p_poison_policy": "block",
    "p_error": "timeout: none",
    "p_reason": "no longer wanted",
    "p_description": "",
    "p_secret": None,
    "p_status": None,
    "p_source": None,
    "p_organization_id": None,
}
"""Good values by the name of the argument; of others the first of their type."""

OF_FUNCTION: dict[str, dict[str, Any]] = {
    "unblock_stream": {"p_group": "post", "p_organization_id": "default"},
    "send_test_event": {"p_event_type": "dbkit.test"},
}
"""Good values of one function."""

MADE = """
create function public.fold(p_state jsonb, p_event dbkit.event_store) returns jsonb
language sql immutable as $$ select coalesce(p_state, '{}') || p_event.event_data $$;
create function public.newer(jsonb) returns jsonb language sql immutable as $$ select $1 $$;
grant execute on all functions in schema public to authenticated, service_role, super_admin;
select dbkit.register_event_type('Seen', '{"type": "object"}');
select dbkit.register_applier('cart', 'public.fold');
select dbkit.register_projection('totals', 'public.fold', '{ItemAdded}', 'async');
select dbkit.protect_event_fields('Wished', '{by}', '[["item"]]');
select dbkit.create_subscription('https://example.org/hook');
select dbkit.register_consumer_group('mail', 1, p_from_position => 0);
select dbkit.register_consumer_group('post', 1, p_poison_policy => 'block', p_max_failures => 1,
  p_from_position => 0);
select dbkit.append_event('cart', 'c-1', 'ItemAdded', '{"item": 1}');
select dbkit.append_event('cart', 'c-1', 'ItemAdded', '{"item": 2}');
"""
LEASED = (
    "select dbkit.queue_event_for_webhooks()",
    "select count(*) from dbkit.claim_deliveries('w', 10, 3600)",
    "select dbkit.settle_delivery(2, 1, p_error => 'blocked: not public')",
    "select count(*) from dbkit.claim_events('mail', 'c', 10, 3600)",
    "select count(*) from dbkit.claim_events('post', 'c', 10, 3600)",
    "select dbkit.fail_event('post', 0, 1, 1, 'poison')",
)
"""A leased delivery, a dead letter, a leased partition and a blocked stream."""
ROLES = ["authenticated", "service_role", "super_admin"]


@pytest.fixture
def carts(database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    with connect(database) as conn:
        conn.execute(MADE.encode())
        subscription = one(conn, "select subscription_id from dbkit.event_subscriptions")
    monkeypatch.setitem(USUAL, "p_subscription_id", subscription)
    monkeypatch.setitem(USUAL, "p_subscription_ids", [subscription])
    with connect(database, autocommit=True) as conn:
        for statement in LEASED:
            conn.execute(statement.encode())
        assert one(conn, "select count(*) from dbkit.event_dead_letters") == 1
        assert one(conn, "select count(*) from dbkit.event_consumer_blocked_streams") == 1
    return database


def session(database: str, role: str) -> Connection:
    """A connection on which each statement is a transaction."""
    if role == "authenticated":
        return client(database, role)
    conn = connect(database, autocommit=True)
    conn.execute("set statement_timeout = '10s'")
    conn.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
    return conn


def json_texts(conn: Connection) -> list[str]:
    """Those that jsonb takes: what it does not is refused before any function runs."""
    texts = []
    given = [*hostile.RAW_VALUES, *DEEP, *SCHEMAS, *(json.dumps([e]) for e in EVENTS)]
    for text in [*given, json.dumps(EVENTS[-1:] * 10_001)]:
        try:
            one(conn, "select %s::jsonb is null", text)
        except psycopg.Error:
            continue
        texts.append(text)
    return texts


def values_by_type(conn: Connection) -> dict[str, list[Any]]:
    """What an argument of a type may get; the first is a harmless one."""
    return {
        "text": TEXTS,
        "jsonb": json_texts(conn),
        "integer": WHOLES,
        "bigint": LONGS,
        "boolean": [None, True, False],
        "uuid": UUIDS,
        "text[]": LISTS,
        "uuid[]": [None, [], [None], *([each] for each in UUIDS)],
        "integer[]": IDS[:4],
        "bigint[]": IDS,
        "interval": [None, "0", "-1 day", "1000000 years", "1 month"],
        "timestamp with time zone": TIMES,
    }


def signatures(conn: Connection, module: str = "events") -> list[tuple[str, list[tuple[str, str]]]]:
    """Name and arguments (name, type) of the public functions that the session may execute."""
    tree = sqltree.read_tree(sqltree.shipped_root() / "sql")
    names = [
        item.name
        for item in tree
        if (item.module, item.kind) == (module, "functions") and not item.name.startswith("_")
    ]
    found = rows(
        conn,
        "select proname, proargnames[1:pronargs] as names, array(select format_type(t, null)"
        " from unnest(proargtypes) as t) as types from pg_proc"
        " where pronamespace = 'dbkit'::regnamespace and proname = any (%s)"
        " and has_function_privilege(oid, 'execute') order by proname",
        names,
    )
    return [(f["proname"], list(zip(f["names"] or [], f["types"], strict=True))) for f in found]


def argument_lists(
    function: str, arguments: list[tuple[str, str]], values: dict[str, list[Any]]
) -> Iterator[list[Any]]:
    """One argument wrong in every way, then some lists with two of them wrong."""
    good = USUAL | OF_FUNCTION.get(function, {})
    usual = [good.get(name, values[kind][0]) for name, kind in arguments]
    yield usual
    for nth, (_, kind) in enumerate(arguments):
        for value in values[kind]:
            yield [*usual[:nth], value, *usual[nth + 1 :]]
    chooser = random.Random(SEED)
    for _ in range(PAIRS if len(arguments) > 1 else 0):
        wrong = chooser.sample(range(len(arguments)), 2)
        yield [
            chooser.choice(values[kind]) if nth in wrong else usual[nth]
            for nth, (_, kind) in enumerate(arguments)
        ]


def try_all(
    conn: Connection,
    seen: Outcomes,
    function: str,
    arguments: list[tuple[str, str]],
    values: dict[str, list[Any]],
) -> None:
    for given in argument_lists(function, arguments, values):
        # What one call did must not be in the way of the next.
        conn.execute("begin")
        try:
            seen.run(conn, call(function, arguments), *given)
        finally:
            conn.execute("rollback")


def assert_refused_by_us(seen: Outcomes) -> None:
    """No statement of ours met a value that nothing had looked at (22P02, 23505, XX000, …)."""
    assert seen.bad == [], "\n".join(b[:300] for b in seen.bad)
    assert [code for code in seen.codes if not code.startswith("KD")] == []


def call(name: str, arguments: list[tuple[str, str]]) -> str:
    """Its set, if it returns one, is read to the end."""
    given = ", ".join(f"%s::{kind}" for _, kind in arguments)
    return f"select count(r::text) from dbkit.{name}({given}) as r"


@pytest.mark.parametrize("role", ROLES)
def test_hostile_arguments_of_every_function(carts: str, role: str) -> None:
    seen = Outcomes()
    with session(carts, role) as conn:
        values = values_by_type(conn)
        called = signatures(conn)
        for name, arguments in called:
            before = seen.count
            try_all(conn, seen, name, arguments, values)
            assert len(seen.answered) > 0 and seen.count > before, name
    assert_refused_by_us(seen)
    assert len(called) >= 15 and seen.count > 1000
    with connect(carts) as conn:
        assert one(conn, "select count(*) from dbkit.event_store") == 2


def test_what_was_let_in_can_be_read(carts: str) -> None:
    appended = Outcomes()
    with session(carts, "authenticated") as conn:
        texts = json_texts(conn)
        for text in [t for t in TEXTS if t is not None]:
            for given in [("cart", text, "ItemAdded"), (text, "c", "ItemAdded"), ("c", "c", text)]:
                appended.run(conn, "select dbkit.append_event(%s, %s, %s, '{}')", *given)
        for text in texts:
            appended.run(conn, "select dbkit.append_event('cart', 'j', 'ItemAdded', %s)", text)
            wrapped = f'{{"item": {text}}}'
            appended.run(conn, "select dbkit.append_event('cart', 'j', 'ItemAdded', %s)", wrapped)
            appended.run(conn, "select dbkit.append_event('cart', 'j', 'Wished', %s)", wrapped)
            by = f'{{"by": {text}}}'
            appended.run(conn, "select dbkit.append_event('cart', 'j', 'Wished', %s)", by)
        for text in [*UUIDS[1:], "e1", "'", "x" * 200]:
            for key in ("dbkit.causation_id", "dbkit.correlation_id", "dbkit.user_id"):
                conn.execute("select set_config(%s, %s, false)", [key, text])
                appended.run(conn, "select dbkit.append_event('cart', 'k', 'ItemAdded', '{}')")
    assert_refused_by_us(appended)
    assert len(appended.answered) > 100
    with session(carts, "service_role") as conn:
        one(conn, "select dbkit.run_projection('totals', 1000)")
        read = "select aggregate_id, length(e::text) as long from dbkit.read_all(0, 10000) as e"
        assert len(rows(conn, read)) == 2 + len(appended.answered)
        assert rows(conn, "select * from dbkit.verify_events()") == []
        carts_read = "select aggregate_id from dbkit.event_streams where aggregate_type = 'cart'"
        for stream in rows(conn, carts_read):
            state = "select dbkit.get_aggregate_state('cart', %s) is not null"
            assert one(conn, state, stream["aggregate_id"])
