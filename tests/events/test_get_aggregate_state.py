"""State of a stream now, at a version and at a time; which snapshots may be used for it."""

from __future__ import annotations

from typing import Any

from tests.events.folding import (
    COUNTER,
    DOUBLE,
    append,
    append_at,
    applier,
    register,
    snapshot,
    snapshots,
    state,
    total,
    upcaster,
)
from tests.helpers import Connection, become, one, raises, rows, unbecome

DAY = "2026-01-0{}T12:00:00Z"


def test_folds_every_event_in_order(db: Connection) -> None:
    append(db, 1, 2, 3)
    body = "return coalesce(nullif(p_state, '{}'), '[]') || (p_event.event_data -> 'amount');"
    register(db, body=body)
    found = state(db)
    assert found["state"] == [1, 2, 3]
    assert found["version"] == 3
    newest = rows(db, "select position, created_at from dbkit.event_store order by version desc")[0]
    assert found["position"] == newest["position"]
    assert one(db, "select %s::timestamptz = %s", found["as_of"], newest["created_at"])
    assert found["snapshot_version"] is None


def test_the_applier_gets_an_empty_object_first(db: Connection) -> None:
    append(db, 1, 2)
    register(db, body="return jsonb_build_object('before', p_state);")
    assert state(db, version=1)["state"] == {"before": {}}
    assert state(db)["state"] == {"before": {"before": {}}}


def test_at_each_version_before_at_and_after_a_snapshot(db: Connection) -> None:
    append(db, 1, 2)
    register(db)
    assert snapshot(db) == 2
    append(db, 4, 8)
    assert snapshot(db) == 4
    append(db, 16)
    assert [total(db, version=v) for v in range(6)] == [
        (None, None),
        (1, None),
        (3, 2),
        (7, 2),
        (15, 4),
        (31, 4),
    ]
    assert total(db) == (31, 4)


def test_before_the_first_event(db: Connection) -> None:
    append(db, 1)
    register(db)
    nothing = {"state": {}, "version": 0, "position": 0, "as_of": None, "snapshot_version": None}
    assert state(db, version=0) == nothing
    assert state(db, at="2000-01-01") == nothing
    assert state(db, at="-infinity") == nothing


def test_at_each_time_before_at_and_after_a_snapshot(db: Connection) -> None:
    register(db)
    for n in range(5):
        append_at(db, DAY.format(n + 1), 2**n)
        if n in (1, 3):
            snapshot(db)
    used = {0: None, 1: None, 2: 2, 3: 2, 4: 4, 5: 4}
    for day in range(1, 6):
        for time, version in (("11:59:59.999999", day - 1), ("12:00:00", day), ("13:00", day)):
            found = state(db, at=f"2026-01-0{day}T{time}Z")
            assert found["version"] == version
            assert found["state"].get("sum", 0) == 2**version - 1
            assert found["snapshot_version"] == used[version]
    assert state(db, at="infinity")["version"] == 5


def test_events_of_one_time_belong_together(db: Connection) -> None:
    register(db)
    for amount in (1, 2, 4):
        append_at(db, DAY.format(1), amount)
    append_at(db, DAY.format(2), 8)
    assert state(db, at=DAY.format(1))["version"] == 3


def test_a_snapshot_newer_than_the_target_is_never_used(db: Connection) -> None:
    """Even one that claims another state: what it says must not be seen."""
    append(db, 1, 2, 4)
    register(db)
    snapshot(db)
    db.execute("update dbkit.event_snapshots set state = '{\"sum\": 1000}'")
    assert total(db) == (1000, 3)
    assert [total(db, version=v) for v in (1, 2)] == [(1, None), (3, None)]


def test_a_snapshot_of_a_replaced_applier_is_not_used(db: Connection) -> None:
    append(db, 1, 2)
    register(db)
    snapshot(db)
    append(db, 4)
    assert total(db) == (7, 2)
    applier(db, "apply_tab", DOUBLE)
    assert total(db) == (14, None)
    applier(db, "apply_tab", COUNTER)
    assert total(db) == (7, 2)


def test_an_older_usable_snapshot_is_found_behind_a_stale_one(db: Connection) -> None:
    register(db)
    append(db, 1, 2)
    snapshot(db)
    append(db, 4)
    snapshot(db)
    db.execute("update dbkit.event_snapshots set fingerprint = 'other' where version = 3")
    assert total(db) == (7, 2)


def test_an_applier_written_as_one_sql_expression_is_watched_too(db: Connection) -> None:
    """Such a function has no prosrc."""
    applier(db, "any")
    body = "create or replace function guest.atomic(jsonb, dbkit.event_store) returns jsonb stable"
    db.execute(f"{body} return jsonb_build_object('sum', 1)".encode())
    db.execute("grant execute on function guest.atomic to public")
    one(db, "select dbkit.register_applier('tab', 'guest.atomic')")
    append(db, 5)
    snapshot(db)
    assert total(db) == (1, 1)
    db.execute(f"{body} return jsonb_build_object('sum', 2)".encode())
    assert total(db) == (2, None)


def test_upcasters_of_the_streams_types_leave_older_snapshots_unused(db: Connection) -> None:
    append(db, 1, 2)
    register(db)
    snapshot(db)
    up = upcaster(db, "up", "jsonb_build_object('amount', 10 * (p_data ->> 'amount')::int)")
    one(db, "select dbkit.register_upcaster('Moved', 1, 2, %s)", up)
    assert total(db) == (3, 2)
    one(db, "select dbkit.register_upcaster('Added', 1, 2, %s)", up)
    assert total(db) == (30, None)
    assert state(db)["state"]["schema"] == 2
    snapshot(db)
    append(db, 100)
    assert total(db) == (130, 2)
    upcaster(db, "up", "jsonb_build_object('amount', 100 * (p_data ->> 'amount')::int)")
    assert total(db) == (400, None)
    one(db, "select dbkit.unregister_upcaster('Added', 1)")
    assert total(db) == (103, None)


def test_protecting_a_type_leaves_older_snapshots_unused(db: Connection) -> None:
    append(db, 1)
    register(db)
    snapshot(db)
    db.execute(
        "insert into dbkit.event_protected_fields"
        " (event_type, subject_path, fields, sealed_fields, registered_at, registered_by)"
        " values ('Added', '{who}', '[[\"x\"]]', '[[\"x\"]]', now(), 'me')"
    )
    assert total(db) == (1, None)


def test_a_dropped_applier_is_an_error_and_not_an_old_state(db: Connection) -> None:
    append(db, 1)
    register(db)
    snapshot(db)
    db.execute("drop function guest.apply_tab")
    append(db, 2)
    with raises(db, "42883"):
        state(db)


def test_unknown_streams_versions_and_appliers(db: Connection) -> None:
    append(db, 1, 2)
    with raises(db, "KD509") as caught:
        state(db)
    assert caught.detail == {"aggregate_type": "tab"}
    register(db)
    with raises(db, "KD502"):
        state(db, "b")
    with raises(db, "KD004") as caught:
        state(db, version=3)
    assert caught.detail["actual_version"] == 2
    for version, at in ((-1, None), (1, "2026-01-01")):
        with raises(db, "KD004"):
            state(db, version=version, at=at)


def test_an_applier_that_gives_null_is_refused(db: Connection) -> None:
    append(db, 1, 2)
    register(db, body="return case p_event.version when 1 then '{}'::jsonb end;")
    assert state(db, version=1)["state"] == {}
    with raises(db, "KD508") as caught:
        state(db)
    assert caught.detail["event"] == {"aggregate_type": "tab", "aggregate_id": "a", "version": 2}


def test_an_applier_that_raises_is_heard(db: Connection) -> None:
    append(db, 1)
    register(db, body="raise exception using errcode = 'XX123', message = 'no';")
    with raises(db, "XX123"):
        state(db)


def test_a_state_need_not_be_an_object(db: Connection) -> None:
    append(db, 1, 2)
    register(db, body="return case p_event.version when 1 then 'null'::jsonb else '[1]' end;")
    assert state(db, version=1)["state"] is None
    assert state(db)["state"] == [1]


def test_tenants_see_their_own_streams_only(db: Connection) -> None:
    register(db)
    become(db, "authenticated", organization_id="acme")
    append(db, 1, 2)
    assert snapshot(db) == 2
    append(db, 4)
    assert total(db) == (7, 2)
    become(db, "authenticated", organization_id="bistro")
    with raises(db, "KD502"):
        state(db)
    append(db, 50)
    assert total(db) == (50, None)
    with raises(db, "KD502"):
        one(db, "select dbkit._aggregate_state('acme', 'tab', 'a', null, null, true)")


def test_the_applier_runs_with_the_readers_rights(db: Connection) -> None:
    register(db, body="return to_jsonb(current_user::text);")
    become(db, "authenticated")
    append(db, 1)
    assert state(db)["state"] == "authenticated"
    unbecome(db)


def test_anonymous_callers_may_not(db: Connection) -> None:
    become(db, "anon")
    with raises(db, "42501"):
        state(db)


def test_reads_the_primary_key_in_order(db: Connection) -> None:
    """As _aggregate_state reads it, for a tenant: no sort, no other rows."""
    register(db)
    append(db, *range(5000))
    for n in range(40):
        append(db, *range(20), stream=f"s{n}")
    db.execute("analyze dbkit.event_store")
    become(db, "authenticated")
    found: Any = one(
        db,
        "explain (format json) select dbkit._fold_events('{}', s.event) from (select e as event"
        " from dbkit.event_store e where e.organization_id = 'default'"
        " and e.aggregate_type = 'tab' and e.aggregate_id = 'a' and e.version > 10"
        " and e.version <= 4000 order by e.version) s",
    )
    plan = str(found)
    assert "'Index Name': 'event_store_pkey'" in plan
    assert "Sort" not in plan
    assert "Seq Scan" not in plan


def test_snapshots_are_kept_as_they_were(db: Connection) -> None:
    """Reading writes nothing."""
    append(db, 1)
    register(db)
    snapshot(db)
    applier(db, "apply_tab", DOUBLE)
    state(db)
    assert snapshots(db) == [1]
