from __future__ import annotations

from tests.events.folding import append, generated, register, snapshot, state, total
from tests.helpers import Connection, become, one, raises, rows

UNREGISTER = "select dbkit.unregister_applier(%s)"


def test_there_is_no_state_any_more(db: Connection) -> None:
    before = generated(db)
    append(db, 1)
    register(db)
    assert one(db, UNREGISTER, "tab") is True
    with raises(db, "KD509"):
        state(db)
    assert generated(db) == before
    assert rows(db, "select from dbkit.event_aggregate_types where aggregate_type = 'tab'") == []


def test_settings_and_snapshots_stay_and_requests_go(db: Connection) -> None:
    append(db, 1, 2)
    signature = register(db)
    one(db, "select dbkit.configure_aggregate('tab', 7)")
    snapshot(db)
    db.execute("insert into dbkit.event_snapshot_requests values ('default', 'tab', 'a', now())")
    one(db, UNREGISTER, "tab")
    every = "select snapshot_every from dbkit.event_aggregate_types where aggregate_type = 'tab'"
    assert one(db, every) == 7
    assert one(db, "select count(*) from dbkit.event_snapshot_requests") == 0
    one(db, "select dbkit.register_applier('tab', %s)", signature)
    assert total(db) == (3, 2)


def test_what_was_not_there(db: Connection) -> None:
    one(db, "select dbkit.configure_aggregate('bill', 7)")
    for kind in ("tab", "bill", None):
        assert one(db, UNREGISTER, kind) is False


def test_needs_super_admin(db: Connection) -> None:
    for role in ("anon", "authenticated", "service_role"):
        become(db, role)
        with raises(db, "42501"):
            one(db, UNREGISTER, "tab")
