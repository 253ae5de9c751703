from __future__ import annotations

from tests.events.folding import (
    DOUBLE,
    append,
    applier,
    register,
    snapshot,
    snapshots,
    state,
    total,
    upcaster,
)
from tests.events.parts import waiting
from tests.helpers import Connection, become, connect, one, raises, row, rows


def test_keeps_the_newest_state(db: Connection) -> None:
    append(db, 1, 2)
    register(db)
    assert snapshot(db) == 2
    kept = row(db, "select * from dbkit.event_snapshots")
    newest = rows(db, "select * from dbkit.event_store order by version desc")[0]
    assert kept["state"] == {"count": 2, "sum": 3, "schema": 1}
    assert kept["position"] == newest["position"]
    assert kept["last_event_at"] == newest["created_at"]
    assert kept["event_types"] == ["Added"]


def test_twice_is_once(db: Connection) -> None:
    append(db, 1)
    register(db)
    assert snapshot(db) == 1
    before = row(db, "select ctid::text, s.* from dbkit.event_snapshots s")
    assert snapshot(db) == 1
    assert row(db, "select ctid::text, s.* from dbkit.event_snapshots s") == before


def test_goes_on_from_the_one_before(db: Connection) -> None:
    append(db, 1, 2)
    register(db)
    snapshot(db)
    db.execute("update dbkit.event_snapshots set state = '{\"sum\": 1000}'")
    append(db, 4, event_type="Moved")
    assert snapshot(db) == 3
    kept = rows(db, "select state, event_types from dbkit.event_snapshots order by version")
    assert kept[1] == {
        "state": {"count": 1, "sum": 1004, "schema": 1},
        "event_types": ["Added", "Moved"],
    }


def test_replaces_and_removes_stale_ones(db: Connection) -> None:
    register(db)
    append(db, 1, 2)
    snapshot(db)
    append(db, 4)
    snapshot(db)
    applier(db, "apply_tab", DOUBLE)
    assert snapshot(db) == 3
    assert snapshots(db) == [3]
    assert total(db) == (14, 3)


def test_an_upcaster_of_a_type_that_came_before_counts(db: Connection) -> None:
    """The types of a stream are those of all its events, not only of the last ones."""
    register(db)
    append(db, 1, event_type="Old")
    snapshot(db)
    append(db, 2)
    snapshot(db)
    up = upcaster(db, "up", "jsonb_build_object('amount', 10)")
    one(db, "select dbkit.register_upcaster('Old', 1, 2, %s)", up)
    assert total(db) == (12, None)


def test_what_cannot_be_kept(db: Connection) -> None:
    with raises(db, "KD502"):
        snapshot(db)
    append(db, 1)
    with raises(db, "KD509"):
        snapshot(db)
    register(db, body="return null;")
    with raises(db, "KD508"):
        snapshot(db)
    assert snapshots(db) == []


def test_tenants_keep_their_own(db: Connection) -> None:
    register(db)
    become(db, "authenticated", organization_id="acme")
    append(db, 1)
    assert snapshot(db) == 1
    become(db, "authenticated", organization_id="bistro")
    with raises(db, "KD502"):
        snapshot(db)
    assert rows(db, "select * from dbkit.event_snapshots") == []
    for statement in (
        "insert into dbkit.event_snapshots values ('bistro', 'tab', 'a', 1, 1, now(), '{}', '{}',"
        " 'x', now())",
        "update dbkit.event_snapshots set state = '{}'",
        "delete from dbkit.event_snapshots",
        "select dbkit._write_snapshot('acme', 'tab', 'a')",
    ):
        with raises(db, "42501"):
            db.execute(statement.encode())
    become(db, "anon")
    with raises(db, "42501"):
        snapshot(db)


def test_two_at_once_make_one(database: str) -> None:
    with connect(database) as first:
        append(first, 1, 2)
        register(first)
        first.commit()
        assert snapshot(first) == 2
        with waiting(database, snapshot) as second:
            first.commit()
        assert second.result() == 2
        assert snapshots(first) == [2]


def test_a_registration_waits_for_it(database: str) -> None:
    """So a snapshot never has the hash of one registry and the state of another."""

    def register_up(conn: Connection) -> None:
        one(conn, "select dbkit.register_upcaster('Added', 1, 2, 'guest.up')")

    with connect(database) as first:
        append(first, 1)
        register(first)
        upcaster(first, "up", "jsonb_build_object('amount', 10)")
        first.commit()
        snapshot(first)
        with waiting(database, register_up) as second:
            first.commit()
        assert second.exception() is None
        assert total(first) == (10, None)
        assert snapshot(first) == 1
        assert total(first) == (10, 1)


def test_no_append_waits_for_it(database: str) -> None:
    with connect(database) as first, connect(database, autocommit=True) as second:
        append(first, 1)
        register(first)
        first.commit()
        snapshot(first)
        second.execute("set lock_timeout = '1s'")
        assert append(second, 2) == 2
        first.commit()
        assert total(first) == (3, 1)


def test_who_is_being_forgotten_is_waited_for(database: str) -> None:
    """A snapshot holds decrypted data: it comes before the key is deleted, or after."""
    with connect(database) as first:
        append(first, 1)
        register(first)
        first.execute(
            "insert into dbkit.event_subject_keys"
            " values ('default', 'ann', sha256('x'), now());"
            "insert into dbkit.event_subject_streams values ('default', 'ann', 'tab', 'a')"
        )
        first.commit()
        first.execute("delete from dbkit.event_subject_keys")
        with waiting(database, snapshot) as second:
            first.commit()
        assert second.result() == 1
        assert state(first)["snapshot_version"] == 1
