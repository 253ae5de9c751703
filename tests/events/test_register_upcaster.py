"""Chains of upcasters: stored events stay, readers see the newest form."""

from __future__ import annotations

from typing import Any

from psycopg.types.json import Jsonb

from tests.events.folding import append, applier, register, schema, state, upcaster
from tests.events.parts import waiting
from tests.helpers import Connection, become, connect, one, raises, rows

REGISTER = "select dbkit.register_upcaster(%s, %s, %s, %s)"
TIMES_TEN = """jsonb_set(p_data, '{amount}', to_jsonb(10 * (p_data ->> 'amount')::int))"""


def read(conn: Connection) -> list[tuple[int, Any]]:
    found = rows(conn, "select * from dbkit.get_events('tab', 'a')")
    return [(event["schema_version"], event["event_data"]) for event in found]


def chain(conn: Connection) -> None:
    one(conn, REGISTER, "Added", 1, 2, upcaster(conn, "up1", """p_data || '{"one": true}'"""))
    one(conn, REGISTER, "Added", 2, 3, upcaster(conn, "up2", TIMES_TEN))


def test_a_chain_is_run_as_far_as_it_goes(db: Connection) -> None:
    append(db, 1, schema_version=1)
    append(db, 2, schema_version=2)
    append(db, 3, schema_version=3)
    append(db, 4, schema_version=9)
    chain(db)
    assert read(db) == [
        (3, {"amount": 10, "one": True}),
        (3, {"amount": 20}),
        (3, {"amount": 3}),
        (9, {"amount": 4}),
    ]
    kept = rows(db, "select schema_version, event_data from dbkit.event_store order by version")
    assert kept[0] == {"schema_version": 1, "event_data": {"amount": 1}}


def test_other_types_are_left_alone(db: Connection) -> None:
    append(db, 1, event_type="Moved", schema_version=1)
    chain(db)
    assert read(db) == [(1, {"amount": 1})]


def test_the_order_of_registration_does_not_matter(db: Connection) -> None:
    append(db, 1, schema_version=1)
    one(db, REGISTER, "Added", 2, 3, upcaster(db, "up2", TIMES_TEN))
    one(db, REGISTER, "Added", 1, 2, upcaster(db, "up1", "p_data"))
    assert read(db) == [(3, {"amount": 10})]


def test_registering_again_replaces(db: Connection) -> None:
    append(db, 1, schema_version=1)
    chain(db)
    one(db, REGISTER, "Added", 1, 3, upcaster(db, "direct", """'{"direct": 1}'::jsonb"""))
    assert read(db) == [(3, {"direct": 1})]


def test_an_append_without_a_version_counts_as_the_end_of_the_chain(db: Connection) -> None:
    chain(db)
    append(db, 7)
    assert read(db) == [(3, {"amount": 7})]


def test_a_schema_holds_for_its_own_version(db: Connection) -> None:
    """The end of a chain has no schema until one is registered; other versions are refused."""
    one(db, "select dbkit.register_event_type('Added', %s, 1)", schema(amount="string"))
    chain(db)
    append(db, 7)
    append(db, 7, schema_version=2)
    for version in (1, 4):
        with raises(db, "KD505"):
            append(db, 7, schema_version=version)


def test_every_way_to_read_upcasts(database: str) -> None:
    with connect(database) as conn:
        append(conn, 1, schema_version=1)
        chain(conn)
        register(conn)
        conn.commit()
        for statement in (
            "select * from dbkit.events",
            "select * from dbkit.get_events_by_type('Added')",
            "select * from dbkit.read_all()",
        ):
            assert rows(conn, statement)[0]["event_data"] == {"amount": 10, "one": True}
        assert state(conn)["state"] == {"count": 1, "sum": 10, "schema": 3}


def test_tenants_read_through_it(db: Connection) -> None:
    chain(db)
    become(db, "authenticated", organization_id="acme")
    append(db, 1, schema_version=1)
    assert read(db) == [(3, {"amount": 10, "one": True})]


def test_protected_data_is_unsealed_before_it_is_upcast(db: Connection) -> None:
    register(db, body="return p_event.event_data;")
    for event_type in ("Added", "Moved", "Plain"):
        append(db, 1, event_type=event_type, stream=event_type, schema_version=1)
    up = upcaster(db, "up", "p_data || jsonb_build_object('after', p_data ? 'unsealed')")
    one(db, REGISTER, "Added", 1, 2, up)
    one(db, REGISTER, "Plain", 1, 2, up)
    for event_type in ("Added", "Moved"):
        db.execute(
            "insert into dbkit.event_protected_fields"
            " (event_type, subject_path, fields, sealed_fields, registered_at, registered_by)"
            " values (%s, '{who}', '[[\"x\"]]', '[[\"x\"]]', now(), 'me')",
            [event_type],
        )
    db.execute(
        "create or replace function dbkit._unseal_event_data("
        "p_organization_id text, p_event_type text, p_event_data jsonb) returns jsonb"
        " language sql stable as $$ select p_event_data || '{\"unsealed\": 1}' $$"
    )
    db.execute("select dbkit._generate_upcasting()")
    db.execute("select dbkit._generate_fold()")
    wanted = {
        "Added": {"amount": 1, "unsealed": 1, "after": True},
        "Moved": {"amount": 1, "unsealed": 1},
        "Plain": {"amount": 1, "after": False},
    }
    read_all = rows(db, "select event_type, event_data from dbkit.events")
    assert {event["event_type"]: event["event_data"] for event in read_all} == wanted
    assert {name: state(db, name)["state"] for name in wanted} == wanted


def test_many_types(db: Connection) -> None:
    """More than the eight from where Postgres hashes the list."""
    names = [f"Type{n}" for n in range(12)]
    for n, name in enumerate(names):
        append(db, n, event_type=name, schema_version=1)
        up = upcaster(db, f"up{n}", f"jsonb_build_object('from', {n}, 'data', p_data)")
        one(db, REGISTER, name, 1, 2, up)
    assert read(db) == [(2, {"from": n, "data": {"amount": n}}) for n in range(12)]


def test_an_upcaster_that_gives_null_or_fails_is_not_hidden(db: Connection) -> None:
    append(db, 1, schema_version=1)
    one(db, REGISTER, "Added", 1, 2, upcaster(db, "up", "null"))
    with raises(db, "KD508") as caught:
        read(db)
    assert caught.detail["function"] == "guest.up(jsonb)"
    upcaster(db, "up", "to_jsonb(1 / (p_data ->> 'amount')::int - 1 / 0)")
    with raises(db, "22012"):
        read(db)


def test_a_bad_registration_changes_nothing(db: Connection) -> None:
    fine = upcaster(db, "fine", "p_data")
    volatile = upcaster(db, "unsteady", "p_data", "volatile")
    two = applier(db, "two")
    db.execute("create function pg_temp.brief(jsonb) returns jsonb return $1")
    db.execute("create function guest.closed(jsonb) returns jsonb return $1")
    db.execute("create function guest.wrong(jsonb) returns text return 'x'")
    db.execute("create function guest.many(jsonb) returns setof jsonb return $1")
    db.execute("revoke all on function guest.closed(jsonb) from public")
    for name, first, second, function in (
        ("", 1, 2, fine),
        (None, 1, 2, fine),
        ("Added", 2, 2, fine),
        ("Added", 3, 2, fine),
        ("Added", 0, 2, fine),
        ("Added", 1, 10001, fine),
        ("Added", None, 2, fine),
        ("Added", 1, None, fine),
        ("Added", 1, 2, None),
        ("Added", 1, 2, ""),
        ("Added", 1, 2, "guest.missing(jsonb)"),
        ("Added", 1, 2, "guest.fine('"),
        ("Added", 1, 2, "guest.fine(jsonb); drop table x"),
        ("Added", 1, 2, volatile),
        ("Added", 1, 2, two),
        ("Added", 1, 2, "guest.wrong(jsonb)"),
        ("Added", 1, 2, "guest.many(jsonb)"),
        ("Added", 1, 2, "guest.closed(jsonb)"),
        ("Added", 1, 2, "pg_temp.brief(jsonb)"),
        ("Added", 1, 2, "pg_catalog.jsonb_agg(jsonb)"),
    ):
        with raises(db, "KD508"):
            one(db, REGISTER, name, first, second, function)
    assert one(db, "select count(*) from dbkit.event_upcasters") == 0


def test_a_name_without_arguments_is_enough(db: Connection) -> None:
    upcaster(db, '"odd Name"', "p_data")
    one(db, REGISTER, "Added", 1, 2, 'guest."odd Name"')
    found = one(db, "select upcaster_signature from dbkit.event_upcasters")
    assert found == 'guest."odd Name"(jsonb)'
    append(db, 1, schema_version=1)
    assert read(db) == [(2, {"amount": 1})]


def test_needs_super_admin(db: Connection) -> None:
    up = upcaster(db, "up", "p_data")
    for role in ("anon", "authenticated", "service_role"):
        become(db, role)
        with raises(db, "42501"):
            one(db, REGISTER, "Added", 1, 2, up)


def test_a_registration_of_another_kind_waits_and_both_hold(database: str) -> None:
    def second(conn: Connection) -> None:
        one(conn, "select dbkit.register_event_type('Moved', %s)", Jsonb({"required": ["x"]}))

    with connect(database) as first:
        one(first, REGISTER, "Added", 1, 2, upcaster(first, "up", TIMES_TEN))
        with waiting(database, second) as ending:
            first.commit()
        assert ending.exception() is None
        append(first, 1, schema_version=1)
        assert read(first) == [(2, {"amount": 10})]
        with raises(first, "KD505"):
            append(first, 1, event_type="Moved")
