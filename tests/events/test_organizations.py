"""One organization cannot read, count or conflict with another's events, nor tell of any.

A differential test: whatever organization acme does is answered with the same bytes whether
bistro has nothing, or has events under the very same names and ids, or holds them in an open
transaction. Positions are the exception, as documented: they count over all organizations, so they
are set to the same start in each world, and reads by position wait for everybody's transactions.
"""

from __future__ import annotations

import itertools
import json
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg import sql

from dbkit import sqltree
from tests.events import stress
from tests.helpers import Connection, become, connect, freeze_clock, one, raises, rows, unbecome

NOW = "2026-03-01T12:00:00Z"
START = 1000
"""Position before the first event of acme, in every world."""

SHARED_ID = "11111111-1111-4111-8111-111111111111"
OTHER_ID = "22222222-2222-4222-8222-222222222222"
SECRET = "only-bistro-knows"
"""In the data, metadata, keys and names of bistro alone."""

EXHAUSTIVE, SAMPLE = 60, 60
TELLS_OF_ALL = {"safe_position"}
WAITS_FOR_ALL = TELLS_OF_ALL | {"get_events_by_type"}
"""Reads by position, which an open transaction of anybody holds back."""

TABLES = (
    "event_store",
    "event_streams",
    "event_snapshots",
    "event_projections",
    "events",
)

Transcript = list[tuple[str, str]]
"""What was asked, and everything that came back."""


def events_of(*kinds: str, ids: tuple[str, ...] = ()) -> str:
    numbered = itertools.zip_longest(kinds, ids)
    return json.dumps(
        [
            {"event_type": kind, "event_data": {"n": 1}} | ({"event_id": given} if given else {})
            for kind, given in numbered
        ]
    )


# --- bistro ----------------------------------------------------------------------------------


def build_bistro(conn: Connection) -> None:
    """The same streams, ids, correlation and subject as acme uses, and some that acme has not."""
    become(conn, "authenticated", organization_id="bistro", correlation_id="c-1", user_id="eve")
    data = json.dumps({"secret": SECRET})
    for stream, event_id in [("1", SHARED_ID), ("bistros", OTHER_ID), ("archived", None)]:
        for number in range(3):
            conn.execute(
                "select dbkit.append_event('basket', %s, 'OrderPlaced', %s, %s, null, %s)",
                [stream, data, data, event_id if number == 0 else None],
            )
    conn.execute("select dbkit.create_snapshot('basket', '1')")
    conn.execute("select dbkit.create_snapshot('basket', 'bistros')")
    unbecome(conn)
    conn.execute(
        "update dbkit.event_streams set archived_at = now()"
        " where aggregate_id = 'archived' and organization_id = 'bistro'"
    )
    conn.execute(
        "insert into dbkit.event_subject_keys (organization_id, subject, key, created_at)"
        " values ('bistro', 'alice', %s, now())",
        [b"k" * 32],
    )
    conn.execute(
        "insert into dbkit.event_subject_streams (organization_id, subject, aggregate_type,"
        " aggregate_id) values ('bistro', 'alice', 'basket', '1')"
    )


def build_handlers(conn: Connection) -> None:
    conn.execute(
        "create function dbkit.count_events(jsonb, dbkit.event_store) returns jsonb language sql"
        " immutable return jsonb_build_object('events', coalesce(($1 ->> 'events')::int, 0) + 1)"
    )
    conn.execute(
        "grant execute on function dbkit.count_events(jsonb, dbkit.event_store)"
        " to authenticated, service_role, super_admin"
    )
    become(conn, "super_admin")
    conn.execute("select dbkit.register_applier('basket', 'dbkit.count_events')")
    reducer = "dbkit.count_events(jsonb,dbkit.event_store)"
    conn.execute(
        "select dbkit.register_projection('orders', %s, '{OrderPlaced}', 'inline')", [reducer]
    )
    unbecome(conn)


# --- acme ------------------------------------------------------------------------------------

APPEND = "select dbkit.append_event('basket', {}, 'OrderPlaced', '{{\"n\": 1}}', '{{}}', {}, {})"


def acts() -> list[str]:
    """What acme does, one after the other: each may depend on those before."""
    appends = [
        APPEND.format(f"'{stream}'", expected, event_id)
        for stream in ("1", "archived", "mine")
        for expected in ("-1", "5", "0", "0", "null", "1")
        for event_id in ("null", f"'{SHARED_ID}'")
    ]
    reads = [
        f"select r from dbkit.{name} r order by r::text"
        for name in [*TABLES, "get_events_by_correlation('c-1')"]
    ]
    reads += [
        "select r from dbkit.list_projection('orders') r",
        "select dbkit.get_projection('orders', '1')",
        "select dbkit.get_projection('orders', 'bistros')",
    ]
    counts = [f"select count(*) from dbkit.{name}" for name in TABLES]
    per_stream = [
        call.replace("STREAM", f"'basket', '{stream}'")
        for stream in ("1", "bistros", "archived", "mine")
        for call in (
            "select r from dbkit.get_events(STREAM) r",
            "select dbkit.get_aggregate_state(STREAM)",
            "select dbkit.get_aggregate_state(STREAM, 2)",
            "select dbkit.create_snapshot(STREAM)",
            f"select dbkit.append_events(STREAM, '{events_of('A', 'B', ids=(SHARED_ID,))}')",
            f"select dbkit.append_events(STREAM, '{events_of('A', 'B', ids=(OTHER_ID,))}', 0)",
        )
    ]
    chance = random.Random(stress.SEED)
    return [*reads, *appends, *reads, *counts, *chance.sample(per_stream, len(per_stream)), *reads]


UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def told(said: str) -> str:
    """Without the ids that are drawn at random."""
    return UUID.sub(lambda m: m[0] if m[0] in (SHARED_ID, OTHER_ID) else "uuid", said)


def ask(conn: Connection, question: sql.Composable | str, *arguments: Any) -> str:
    """Rows, or the error in all its parts; what it changed stays."""
    text = question.as_string(conn) if isinstance(question, sql.Composable) else question
    try:
        with conn.transaction():
            found = conn.execute(text.encode(), arguments or None).fetchall()
            return told("\n".join(str(list(f.values())) for f in found))
    except psycopg.Error as error:
        diag = error.diag
        parts = [error.sqlstate, diag.message_primary, diag.message_detail, diag.message_hint]
        return told(" | ".join(str(part) for part in parts))


# --- every function with hostile arguments ---------------------------------------------------

VALUES: dict[str, list[Any]] = {
    "text": [None, "", "basket", "1", "bistros", "bistro", "OrderPlaced", "c-1", "alice", "orders"],
    "bigint": [None, 0, -1, 1, 3, START],
    "integer": [None, 1, 1000],
    "boolean": [None, True, False],
    "uuid": [None, SHARED_ID, OTHER_ID],
    "timestamp with time zone": [None, NOW, "infinity"],
    "interval": [None, "1 day"],
    "text[]": [None, "{OrderPlaced}", "{basket}"],
    "jsonb": [None, "{}", '{"n": 1}', events_of("A"), events_of("A", ids=(OTHER_ID,))],
}


def functions_for(conn: Connection, role: str) -> list[tuple[str, list[str]]]:
    """Functions of this module that a role may execute, with the types of their arguments."""
    tree = sqltree.read_tree(sqltree.shipped_root() / "sql")
    names = [item.name for item in tree if (item.module, item.kind) == ("events", "functions")]
    found = rows(
        conn,
        "select proname, array(select format_type(t, null) from unnest(proargtypes)"
        " with ordinality as a (t, n) order by n) as types from pg_proc"
        " where pronamespace = 'dbkit'::regnamespace and proname = any (%s) and prokind = 'f'"
        " and has_function_privilege(%s, oid, 'execute') order by proname",
        names,
        role,
    )
    return [(f["proname"], list(f["types"])) for f in found]


def argument_lists(types: list[str]) -> list[tuple[Any, ...]]:
    choices = [VALUES.get(kind, [None]) for kind in types]
    every = list(itertools.islice(itertools.product(*choices), EXHAUSTIVE + 1))
    if len(every) <= EXHAUSTIVE:
        return every
    chance = random.Random(stress.SEED)
    return [tuple(chance.choice(choice) for choice in choices) for _ in range(SAMPLE)]


def sweep(conn: Connection, but: set[str]) -> Iterator[tuple[str, str]]:
    for name, types in functions_for(conn, "authenticated"):
        if name in but:
            continue
        call = sql.SQL("select r from dbkit.{}({}) as r").format(
            sql.Identifier(name), sql.SQL(", ").join(sql.SQL("%s::" + kind) for kind in types)
        )
        for arguments in argument_lists(types):
            with conn.transaction(force_rollback=True):
                yield f"{name} {arguments}", ask(conn, call, *arguments)


# --- worlds ----------------------------------------------------------------------------------


def ask_all(conn: Connection, but: set[str]) -> Transcript:
    """Everything acme can do, in a transaction that the caller rolls back."""
    conn.execute("select setval('dbkit.event_position_seq', %s)", [START])
    freeze_clock(conn, NOW)
    become(conn, "authenticated", organization_id="acme", correlation_id="c-1", user_id="ann")
    conn.execute("set local lock_timeout = '2s'")
    script = [a for a in acts() if not any(name in a for name in but)]
    transcript = [(act, ask(conn, act)) for act in script]
    return transcript + list(sweep(conn, but))


def differences(one_world: Transcript, other: Transcript) -> list[tuple[str, str, str]]:
    pairs = zip(one_world, other, strict=True)
    return [(asked, a, b) for (asked, a), (again, b) in pairs if (asked, a) != (again, b)]


@pytest.fixture
def worlds(database: str) -> str:
    with connect(database) as conn:
        build_handlers(conn)
        conn.commit()
    return database


@contextmanager
def world(url: str) -> Iterator[Connection]:
    with connect(url) as conn:
        yield conn
        conn.rollback()


def test_acme_is_answered_the_same_whatever_bistro_has(worlds: str) -> None:
    with world(worlds) as conn:
        alone = ask_all(conn, TELLS_OF_ALL)
    with world(worlds) as conn:
        build_bistro(conn)
        beside = ask_all(conn, TELLS_OF_ALL)
    assert differences(alone, beside) == []
    assert [asked for asked, said in beside if SECRET in said] == []
    # It did meet what it was to meet: successes, and the errors of its own conflicts.
    said = "\n".join(answer for _, answer in alone)
    for sign in ("'replayed': False", "'replayed': True", "KD501", "KD502", "KD506"):
        assert sign in said
    assert len(alone) > 300


def test_acme_is_answered_the_same_while_bistro_holds_a_transaction_open(worlds: str) -> None:
    """Under every name and id that acme uses: nothing of acme waits for it."""
    with world(worlds) as conn:
        alone = ask_all(conn, WAITS_FOR_ALL)
    with world(worlds) as other, world(worlds) as conn:
        build_bistro(other)
        beside = ask_all(conn, WAITS_FOR_ALL)
    assert differences(alone, beside) == []


def test_an_open_transaction_of_bistro_holds_readers_by_position_back(worlds: str) -> None:
    """The documented exception, and all there is to it."""
    with world(worlds) as other, connect(worlds, autocommit=True) as conn:
        before = one(conn, "select dbkit.safe_position()")
        build_bistro(other)
        conn.execute("set dbkit.organization_id = 'acme'")
        conn.execute("select dbkit.append_event('basket', '1', 'OrderPlaced', '{}')")
        conn.execute("set role authenticated")
        assert one(conn, "select dbkit.safe_position()") == before
        assert rows(conn, "select * from dbkit.get_events_by_type('OrderPlaced')") == []
        assert len(rows(conn, "select * from dbkit.get_events('basket', '1')")) == 1


def test_control_a_shared_key_would_be_told(worlds: str) -> None:
    """The differences show when ids are unique over all organizations, as a peer has them."""
    with world(worlds) as conn:
        alone = ask_all(conn, TELLS_OF_ALL)
    with world(worlds) as conn:
        conn.execute("alter policy event_store_organization on dbkit.event_store using (true)")
        conn.execute("create unique index on dbkit.event_store (event_id)")
        build_bistro(conn)
        beside = ask_all(conn, TELLS_OF_ALL)
    found = differences(alone, beside)
    assert any("KD501" in b or "KD506" in b for asked, _, b in found if "append_event" in asked)
    assert any(SECRET in b for asked, _, b in found if "event_store" in asked)


# --- roles -----------------------------------------------------------------------------------


def test_anon_may_do_nothing(worlds: str) -> None:
    with connect(worlds) as conn:
        build_bistro(conn)
        # They read the caller's own context, and commands need them.
        assert functions_for(conn, "anon") == [
            ("_context_correlation", ["boolean"]),
            ("_event_correlation", []),
        ]
        relations = rows(
            conn,
            "select relname from pg_class where relnamespace = 'dbkit'::regnamespace"
            " and relname like 'event%%' and relkind in ('r', 'p', 'v')",
        )
        assert len(relations) > len(TABLES)
        become(conn, "anon", organization_id="bistro", user_id="eve")
        for f in relations:
            with raises(conn, "42501"):
                conn.execute(sql.SQL("select from dbkit.{}").format(sql.Identifier(f["relname"])))
        with raises(conn, "42501"):
            conn.execute("select dbkit.append_event('basket', '1', 'X', '{}')")
        conn.rollback()


def test_nobody_writes_the_tables_directly(worlds: str) -> None:
    with connect(worlds) as conn:
        build_bistro(conn)
        for role in ("authenticated", "service_role", "super_admin"):
            become(conn, role, organization_id="bistro")
            for statement in (
                "insert into dbkit.event_store select * from dbkit.event_store",
                "update dbkit.event_store set version = version + 1",
                "delete from dbkit.event_store",
                "truncate dbkit.event_store",
                "update dbkit.event_streams set version = 0",
                "delete from dbkit.event_streams",
                "select nextval('dbkit.event_position_seq')",
                "select setval('dbkit.event_position_seq', 1)",
            ):
                with raises(conn, "42501"):
                    conn.execute(statement.encode())
            unbecome(conn)
        conn.rollback()


def test_the_service_sees_all_organizations_and_a_tenant_its_own(worlds: str) -> None:
    seen = "select distinct organization_id from dbkit.{} order by 1"
    with connect(worlds) as conn:
        build_bistro(conn)
        become(conn, "authenticated", organization_id="acme")
        conn.execute("select dbkit.append_event('basket', '1', 'OrderPlaced', '{}')")
        for table in ("event_store", "event_streams", "events"):
            query = seen.format(table)
            become(conn, "authenticated", organization_id="acme")
            assert [f["organization_id"] for f in rows(conn, query)] == ["acme"]
            become(conn, "authenticated", organization_id="nobody")
            assert rows(conn, query) == []
            become(conn, "authenticated")
            assert rows(conn, query) == []
            for role in ("service_role", "super_admin"):
                become(conn, role, organization_id="acme")
                assert [f["organization_id"] for f in rows(conn, query)] == ["acme", "bistro"]
        unbecome(conn)
        conn.rollback()
