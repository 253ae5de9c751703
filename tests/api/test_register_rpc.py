"""Registering: what is refused, what is written, and that nobody who calls ever notices."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.api.conftest import call, context, handler, outcome, register, state
from tests.helpers import (
    Connection,
    become,
    connect,
    freeze_clock,
    one,
    raises,
    row,
    rows,
    unbecome,
)


def dispatched(conn: Connection) -> list[int]:
    """Numbers of the calls that the generated dispatcher has a leaf for."""
    found = rows(
        conn,
        "select m[1]::int as id from pg_proc, regexp_matches(prosrc, 'p_rpc_id = (\\d+) then', 'g')"
        " as m where oid = 'dbkit._dispatch(int, jsonb)'::regprocedure order by 1",
    )
    return [r["id"] for r in found]


def assert_complete(conn: Connection) -> None:
    every = [r["rpc_id"] for r in rows(conn, "select rpc_id from dbkit.api_rpcs order by 1")]
    assert dispatched(conn) == every


def test_writes_the_registry_in_the_callers_name(db: Connection) -> None:
    freeze_clock(db, "2026-02-03T00:00:00Z")
    handler(db, "echo")
    become(db, "super_admin")
    number = one(
        db,
        "select dbkit.register_rpc('echo', 'v2', ' guest . echo ( jsonb ) ', 'read',"
        " 'authenticated', %s, %s, '{v3}', 'says it again')",
        Jsonb({"type": "object"}),
        Jsonb({"type": "object", "title": "Echo"}),
    )
    unbecome(db)
    found = row(db, "select * from dbkit.api_rpcs where rpc_id = %s", number)
    assert found["handler_signature"] == "guest.echo(jsonb)"
    assert (found["access"], found["required_role"]) == ("read", "authenticated")
    assert (found["compatible_with"], found["description"]) == (["v3"], "says it again")
    assert found["response_schema"] == {"type": "object", "title": "Echo"}
    assert found["registered_by"] == "super_admin"
    assert found["registered_at"].isoformat() == "2026-02-03T00:00:00+00:00"
    assert_complete(db)


def test_registering_again_replaces_and_keeps_the_number(db: Connection) -> None:
    first = register(db, "echo", "v2", handler(db, "one"), role="service_role")
    assert register(db, "echo", "v2", handler(db, "two")) == first
    assert call(db, "echo")["data"]["handler"] == "two"
    assert one(db, "select required_role is null from dbkit.api_rpcs where rpc_id = %s", first)
    assert_complete(db)


def test_is_served_at_once_and_in_newer_versions(db: Connection) -> None:
    register(db, "echo", "v1", handler(db, "echo"))
    for version in ("v1", "v2", "v3"):
        assert call(db, "echo", version=version)["meta"]["version"] == "v1"


def test_dispatcher_holds_hundreds_of_calls(db: Connection) -> None:
    signature = handler(db, "echo")
    db.execute(
        "insert into dbkit.api_rpcs (name, version, handler_signature, access)"
        " select 'c' || n, 'v1', %s, 'read' from generate_series(1, 299) n",
        [signature],
    )
    register(db, "c300", "v1", signature)
    db.execute("select dbkit._refresh_api_routes()")
    assert_complete(db)
    for n in (1, 2, 150, 299, 300):
        assert call(db, f"c{n}")["data"]["handler"] == "echo"


def test_an_empty_registry_has_a_dispatcher_too(db: Connection) -> None:
    for found in rows(db, "select name, version from dbkit.api_rpcs"):
        db.execute("select dbkit.unregister_rpc(%s, %s)", [found["name"], found["version"]])
    assert dispatched(db) == []
    with raises(db, "KD101"):
        call(db, "get_features")


HANDLERS = """
create schema guest; grant usage on schema guest to public;
create function guest.ok(jsonb) returns jsonb language sql stable as 'select $1';
create function guest.unsteady(jsonb) returns jsonb language sql volatile as 'select $1';
create function guest.wrong_result(jsonb) returns json language sql stable as 'select $1::json';
create function guest.wrong_argument(json) returns jsonb language sql stable as 'select $1::jsonb';
create function guest.two(jsonb, jsonb) returns jsonb language sql stable as 'select $1';
create function guest.many(jsonb) returns setof jsonb language sql stable as 'select $1';
create function guest.none() returns jsonb language sql stable as $$ select '{}'::jsonb $$;
create procedure guest.procedure(jsonb) language sql as 'select $1';
create aggregate guest.aggregate(jsonb) (sfunc = jsonb_concat, stype = jsonb);
grant execute on all functions in schema guest to public;
"""


@pytest.mark.parametrize(
    ("arguments", "sqlstate", "says"),
    [
        (("x", "v9", "guest.ok(jsonb)", "read"), "KD102", "v9"),
        (("x", None, "guest.ok(jsonb)", "read"), "KD102", ""),
        ((None, "v1", "guest.ok(jsonb)", "read"), "KD108", "snake case"),
        (("", "v1", "guest.ok(jsonb)", "read"), "KD108", "snake case"),
        (("Get", "v1", "guest.ok(jsonb)", "read"), "KD108", "snake case"),
        (("a b", "v1", "guest.ok(jsonb)", "read"), "KD108", "snake case"),
        (("x\n", "v1", "guest.ok(jsonb)", "read"), "KD108", "snake case"),
        (("x" * 64, "v1", "guest.ok(jsonb)", "read"), "KD108", "snake case"),
        (("x", "v1", "guest.ok(jsonb)", "both"), "KD108", "access"),
        (("x", "v1", "guest.ok(jsonb)", None), "KD108", "access"),
        (("x", "v1", "guest.missing(jsonb)", "read"), "KD108", "does not exist"),
        (("x", "v1", None, "read"), "KD108", "does not exist"),
        (("x", "v1", "guest.unsteady(jsonb)", "read"), "KD108", "VOLATILE"),
        (("x", "v1", "guest.wrong_result(jsonb)", "read"), "KD108", "return jsonb"),
        (("x", "v1", "guest.wrong_argument(json)", "read"), "KD108", "one jsonb"),
        (("x", "v1", "guest.two(jsonb, jsonb)", "read"), "KD108", "one jsonb"),
        (("x", "v1", "guest.many(jsonb)", "read"), "KD108", "return jsonb"),
        (("x", "v1", "guest.none()", "read"), "KD108", "one jsonb"),
        (("x", "v1", "guest.procedure(jsonb)", "write"), "KD108", "return jsonb"),
        (("x", "v1", "guest.aggregate(jsonb)", "write"), "KD108", "return jsonb"),
        (("x", "v1", "guest.ok(jsonb)", "read", "nobody_at_all"), "KD108", "does not exist"),
    ],
)
def test_refuses_and_leaves_everything(
    db: Connection, arguments: tuple[Any, ...], sqlstate: str, says: str
) -> None:
    db.execute(HANDLERS)
    before = state(db)
    marks = ", ".join(["%s"] * len(arguments))
    with raises(db, sqlstate) as caught:
        one(db, f"select dbkit.register_rpc({marks})", *arguments)
    assert says in caught.message
    assert caught.detail
    assert caught.hint
    assert state(db) == before


@pytest.mark.parametrize("newer", ["v1", "v2", "v9", None])
def test_compatible_with_names_newer_versions_only(db: Connection, newer: str | None) -> None:
    signature = handler(db, "put", volatility="volatile")
    with raises(db, "KD108") as caught:
        one(
            db,
            "select dbkit.register_rpc('put', 'v2', %s, 'write', p_compatible_with => %s::text[])",
            signature,
            [newer],
        )
    assert "newer than v2" in caught.message


def test_the_registering_role_must_be_able_to_execute_the_handler(db: Connection) -> None:
    handler(db, "echo")
    db.execute("revoke execute on function guest.echo(jsonb) from public")
    become(db, "super_admin")
    with raises(db, "KD108") as caught:
        register(db, "echo", "v2", "guest.echo(jsonb)")
    assert "may not execute" in caught.message


def test_refuses_repeatable_read(pair: tuple[Connection, Connection]) -> None:
    """An old snapshot would write a dispatcher without the calls of others."""
    left, right = pair
    signature = handler(right, "echo")
    left.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    with raises(left, "KD004") as caught:
        one(left, "select count(*) from dbkit.api_rpcs")
        register(right, "first", "v2", signature)
        register(left, "second", "v2", signature)
    assert caught.detail["argument"] == "transaction_isolation"
    assert call(right, "first")["data"]["handler"] == "echo"
    assert_complete(right)


def test_a_rolled_back_registration_leaves_nothing(pair: tuple[Connection, Connection]) -> None:
    left, right = pair
    signature = handler(left, "echo")
    before = state(right)
    with left.transaction(force_rollback=True):
        register(left, "echo", "v2", signature)
        assert call(left, "echo")["data"]["handler"] == "echo"
    assert state(right) == before


def test_eight_registrars_at_once_while_others_call(database: str) -> None:
    with connect(database, autocommit=True) as conn:
        for n in range(8):
            handler(conn, f"echo_{n}")
        register(conn, "busy", "v1", "guest.echo_0(jsonb)")
    done = Event()
    served: set[tuple[str, str]] = set()

    def registrar(n: int) -> Any:
        def turns(conn: Connection) -> str:
            for k in range(6):
                register(conn, f"own_{n}_{k}", "v1", f"guest.echo_{n}(jsonb)")
                register(conn, "busy", f"v{k % 3 + 1}", f"guest.echo_{n}(jsonb)")
                assert call(conn, f"own_{n}_{k}")["data"]["handler"] == f"echo_{n}"
            return "ok"

        return outcome(database, turns)

    def caller(n: int) -> Any:
        def turns(conn: Connection) -> str:
            context(conn)
            while not done.is_set():
                for version in (None, "v3"):
                    answer = call(conn, "busy", version=version)
                    served.add((answer["meta"]["version"], answer["data"]["handler"]))
            return "ok"

        return outcome(database, turns)

    with ThreadPoolExecutor(12) as pool:
        callers = [pool.submit(caller, n) for n in range(4)]
        registrars = [pool.submit(registrar, n) for n in range(8)]
        results = [r.result() for r in registrars]
        done.set()
        results += [c.result() for c in callers]
    assert results == ["ok"] * 12
    assert len(served) > 1
    with connect(database, autocommit=True) as conn:
        assert one(conn, "select count(*) from dbkit.api_rpcs where name like 'own%%'") == 48
        assert_complete(conn)
        for n in range(8):
            for k in range(6):
                assert call(conn, f"own_{n}_{k}")["data"]["handler"] == f"echo_{n}"


NEWEST = """
select dbkit.route_api_call(name) -> 'data' ->> 'handler' as handler
from dbkit.api_rpcs where name like 'fresh%%' order by rpc_id desc limit 1"""


def test_a_call_is_served_from_the_moment_it_is_seen(database: str) -> None:
    """Its route may be seen a moment before the new dispatcher is; nobody may fail then."""
    with connect(database, autocommit=True) as conn:
        register(conn, "fresh", "v1", handler(conn, "echo"))
    done = Event()

    def caller(n: int) -> Any:
        def turns(conn: Connection) -> int:
            calls = 0
            while not done.is_set():
                assert one(conn, NEWEST) == "echo"
                calls += 1
            return calls

        return outcome(database, turns)

    def operator(conn: Connection) -> int:
        return len([register(conn, f"fresh_{k}", "v1", "guest.echo(jsonb)") for k in range(60)])

    with ThreadPoolExecutor(5) as pool:
        callers = [pool.submit(caller, n) for n in range(4)]
        registered = outcome(database, operator)
        done.set()
        counts = [c.result() for c in callers]
    assert registered == 60
    assert all(isinstance(count, int) and count > 0 for count in counts), counts


def test_only_super_admin_registers(db: Connection) -> None:
    signature = handler(db, "echo")
    before = state(db)
    for role in ("anon", "authenticated", "service_role"):
        become(db, role)
        with raises(db, "42501"):
            register(db, "echo", "v2", signature)
        with pytest.raises(psycopg.errors.InsufficientPrivilege), db.transaction():
            one(
                db,
                "select dbkit._register_rpc('echo', 'v2', %s, 'read')",
                signature,
            )
        unbecome(db)
    assert state(db) == before
