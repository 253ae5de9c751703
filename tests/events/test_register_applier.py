from __future__ import annotations

from tests.events.folding import (
    DOUBLE,
    append,
    applier,
    register,
    snapshot,
    state,
    total,
    upcaster,
)
from tests.events.parts import waiting
from tests.helpers import Connection, become, connect, one, raises, row, rows

REGISTER = "select dbkit.register_applier(%s, %s, %s)"


def test_each_aggregate_type_has_its_own(db: Connection) -> None:
    kinds = [f"kind{n:02}" for n in range(12)]
    for kind in kinds:
        register(db, kind, f'return p_state || \'{{"made by": "{kind}"}}\';')
        append(db, 1, aggregate_type=kind)
    for kind in kinds:
        assert state(db, aggregate_type=kind)["state"] == {"made by": kind}


def test_registering_again_replaces_and_keeps_the_settings(db: Connection) -> None:
    append(db, 1, 2)
    one(db, "select dbkit.configure_aggregate('tab', 7, true)")
    register(db)
    one(db, REGISTER, "tab", applier(db, "double", DOUBLE), 1)
    assert total(db) == (6, None)
    settings = "select snapshot_every, is_chained from dbkit.event_aggregate_types"
    kept = row(db, settings + " where aggregate_type = 'tab'")
    assert kept == {"snapshot_every": 7, "is_chained": True}


def test_a_raised_version_leaves_older_snapshots_unused(db: Connection) -> None:
    append(db, 1, 2)
    signature = register(db)
    snapshot(db)
    assert total(db) == (3, 2)
    one(db, REGISTER, "tab", signature, 2)
    assert total(db) == (3, None)


def test_a_name_without_arguments_is_enough(db: Connection) -> None:
    applier(db, '"odd; Name"')
    one(db, REGISTER, "it's %s $$", 'guest."odd; Name"', 1)
    append(db, 4, aggregate_type="it's %s $$")
    assert state(db, aggregate_type="it's %s $$")["state"]["sum"] == 4


def test_a_bad_registration_changes_nothing(db: Connection) -> None:
    before = rows(db, "select * from dbkit.event_aggregate_types")
    fine = applier(db, "fine")
    db.execute("create function guest.closed(jsonb, dbkit.event_store) returns jsonb return $1")
    db.execute("revoke all on function guest.closed from public")
    db.execute("create function guest.wrong(jsonb, dbkit.event_store) returns text return 'x'")
    for kind, function, version in (
        ("", fine, 1),
        ("x" * 101, fine, 1),
        (None, fine, 1),
        ("tab", fine, 0),
        ("tab", fine, None),
        ("tab", None, 1),
        ("tab", "guest.missing", 1),
        ("tab", "guest.closed", 1),
        ("tab", "guest.wrong", 1),
        ("tab", upcaster(db, "up", "p_data"), 1),
        ("tab", "fine(jsonb,dbkit.event_store); select 1", 1),
    ):
        with raises(db, "KD508"):
            one(db, REGISTER, kind, function, version)
    assert rows(db, "select * from dbkit.event_aggregate_types") == before


def test_tells_which_role_may_not_execute_it(db: Connection) -> None:
    signature = applier(db, "fine")
    db.execute("revoke all on function guest.fine from public")
    db.execute("grant execute on function guest.fine to authenticated, super_admin")
    with raises(db, "KD508") as caught:
        one(db, REGISTER, "tab", signature, 1)
    assert "service_role" in caught.detail["problem"]
    assert "grant" in caught.hint


def test_needs_super_admin(db: Connection) -> None:
    signature = applier(db, "fine")
    for role in ("anon", "authenticated", "service_role"):
        become(db, role)
        with raises(db, "42501"):
            one(db, REGISTER, "tab", signature, 1)
    become(db, "super_admin")
    one(db, REGISTER, "tab", signature, 1)
    by = "select registered_by from dbkit.event_aggregate_types where aggregate_type = 'tab'"
    assert one(db, by) == "super_admin"


def test_two_registrations_at_once_both_hold(database: str) -> None:
    def second(conn: Connection) -> None:
        one(conn, REGISTER, "bill", "guest.fine", 1)

    with connect(database) as first:
        signature = applier(first, "fine")
        first.commit()
        one(first, REGISTER, "tab", signature, 1)
        with waiting(database, second) as ending:
            first.commit()
        assert ending.exception() is None
        for kind in ("tab", "bill"):
            append(first, 5, aggregate_type=kind)
            assert state(first, aggregate_type=kind)["state"]["sum"] == 5
