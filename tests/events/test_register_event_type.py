"""JSON Schemas of events: what an append must satisfy, and as which version it counts."""

from __future__ import annotations

from psycopg.types.json import Jsonb

from tests.events.folding import append, schema
from tests.events.parts import waiting
from tests.helpers import Connection, become, connect, one, raises, row, rows

REGISTER = "select dbkit.register_event_type(%s, %s, %s)"
APPEND = "select dbkit.append_event('tab', 'a', %s, %s, p_schema_version => %s)"


def stored(conn: Connection) -> list[tuple[int, int]]:
    found = rows(conn, "select version, schema_version from dbkit.event_store order by version")
    return [(event["version"], event["schema_version"]) for event in found]


def test_an_event_that_breaks_its_schema_is_refused_with_every_field(db: Connection) -> None:
    one(db, REGISTER, "Added", schema(amount="integer", note="string"), 1)
    with raises(db, "KD505") as caught:
        one(db, APPEND, "Added", Jsonb({"amount": "many", "extra": 1}), None)
    assert {e["path"] for e in caught.detail["errors"]} == {"/amount", "/extra", "/note"}
    assert caught.detail["event_type"] == "Added"
    assert caught.detail["field"] == "amount"
    one(db, APPEND, "Added", Jsonb({"amount": 1, "note": "x"}), None)
    assert stored(db) == [(1, 1)]


def test_a_batch_with_one_bad_event_appends_nothing(db: Connection) -> None:
    one(db, REGISTER, "Added", schema(amount="integer"), 1)
    events = [{"event_type": "Added", "event_data": {"amount": a}} for a in (1, None)]
    with raises(db, "KD505"):
        one(db, "select dbkit.append_events('tab', 'a', %s)", Jsonb(events))
    assert stored(db) == []


def test_other_types_take_any_object(db: Connection) -> None:
    for name in ("Added", "Zapped", "Moved"):
        one(db, REGISTER, name, schema(amount="integer"), 1)
    for name in ("Aaa", "Money", "Zzz", "added"):
        one(db, APPEND, name, Jsonb({"what": "ever"}), 7)
    assert [version for _, version in stored(db)] == [7, 7, 7, 7]


def test_without_a_version_the_newest_counts(db: Connection) -> None:
    one(db, REGISTER, "Added", schema(amount="integer"), 1)
    one(db, REGISTER, "Added", schema(amount="integer", currency="string"), 3)
    with raises(db, "KD505"):
        one(db, APPEND, "Added", Jsonb({"amount": 1}), None)
    one(db, APPEND, "Added", Jsonb({"amount": 1}), 1)
    one(db, APPEND, "Added", Jsonb({"amount": 1, "currency": "EUR"}), None)
    assert stored(db) == [(1, 1), (2, 3)]


def test_a_version_that_is_not_registered_is_refused(db: Connection) -> None:
    one(db, REGISTER, "Added", schema(amount="integer"), 2)
    for version in (1, 3):
        with raises(db, "KD505") as caught:
            one(db, APPEND, "Added", Jsonb({"amount": 1}), version)
        assert caught.detail["registered"] == [2]


def test_registering_again_replaces(db: Connection) -> None:
    one(db, REGISTER, "Added", schema(amount="integer"), 1)
    one(db, REGISTER, "Added", Jsonb({"type": "object"}), 1)
    one(db, APPEND, "Added", Jsonb({}), None)
    assert stored(db) == [(1, 1)]


def test_names_and_patterns_are_data(db: Connection) -> None:
    """What looks like SQL in a name or a schema stays text in the generated functions."""
    name = 'It\'s $$ %s \\ {"a",b}\n; end'
    wanted = {"type": "object", "properties": {"a": {"type": "string", "pattern": "^[$'\\\\%s]+$"}}}
    one(db, REGISTER, name, Jsonb(wanted), 1)
    one(db, REGISTER, "Added", schema(amount="integer"), 1)
    one(db, APPEND, name, Jsonb({"a": "$'\\"}), None)
    with raises(db, "KD505"):
        one(db, APPEND, name, Jsonb({"a": "b"}), None)
    append(db, 1)
    assert len(stored(db)) == 2


def test_among_many_types_each_has_its_own_schema(db: Connection) -> None:
    names = [f"Type{n}" for n in range(12)]
    for name in names:
        one(db, REGISTER, name, schema(**{name: "integer"}), 1)
    for name in names:
        one(db, APPEND, name, Jsonb({name: 1}), None)
        with raises(db, "KD505"):
            one(db, APPEND, name, Jsonb({"other": 1}), None)
    assert len(stored(db)) == len(names)


def test_a_bad_registration_changes_nothing(db: Connection) -> None:
    for name, wanted, version in (
        ("", {}, 1),
        ("x" * 101, {}, 1),
        (None, {}, 1),
        ("Added", {"type": "thing"}, 1),
        ("Added", {"oneOf": []}, 1),
        ("Added", [], 1),
        ("Added", {}, 0),
        ("Added", {}, 10001),
        ("Added", {}, None),
    ):
        with raises(db, "KD508"):
            one(db, REGISTER, name, Jsonb(wanted), version)
    with raises(db, "KD508"):
        one(db, REGISTER, "Added", None, 1)
    assert one(db, "select count(*) from dbkit.event_types") == 0


def test_says_who_registered(db: Connection) -> None:
    become(db, "super_admin")
    one(db, REGISTER, "Added", schema(amount="integer"), 1)
    found = row(db, "select registered_by, description from dbkit.event_types")
    assert found == {"registered_by": "super_admin", "description": ""}


def test_needs_super_admin(db: Connection) -> None:
    for role in ("anon", "authenticated", "service_role"):
        become(db, role)
        with raises(db, "42501"):
            one(db, REGISTER, "Added", schema(amount="integer"), 1)


def test_two_registrations_at_once_both_hold(database: str) -> None:
    def second(conn: Connection) -> None:
        one(conn, REGISTER, "Second", schema(amount="integer"), 1)

    with connect(database) as first:
        one(first, REGISTER, "First", schema(amount="integer"), 1)
        with waiting(database, second) as ending:
            first.commit()
        assert ending.exception() is None
        for name in ("First", "Second"):
            with raises(first, "KD505"):
                one(first, APPEND, name, Jsonb({}), None)


def test_needs_read_committed(database: str) -> None:
    """Another isolation level would write the functions from an old registry."""
    with connect(database) as conn:
        conn.execute("set transaction isolation level repeatable read")
        with raises(conn, "KD004"):
            one(conn, REGISTER, "Added", schema(amount="integer"), 1)
