from __future__ import annotations

from typing import Any

from tests.events.folding import DOUBLE, append, applier, register, snapshot, state, upcaster
from tests.helpers import Connection, become, one, raises

REPLAY = "select dbkit.replay_events('tab', 'a', %s, %s)"


def replay(conn: Connection, to: int | None = None, candidate: str | None = None) -> Any:
    return one(conn, REPLAY, to, candidate)


def test_ignores_snapshots(db: Connection) -> None:
    append(db, 1, 2)
    register(db)
    snapshot(db)
    append(db, 4)
    honest = state(db)
    del honest["snapshot_version"]
    assert replay(db) == honest
    db.execute("update dbkit.event_snapshots set state = '{\"sum\": 1000}'")
    assert state(db)["state"]["sum"] == 1004
    assert replay(db) == honest
    assert [replay(db, to)["state"].get("sum") for to in range(4)] == [None, 1, 3, 7]


def test_against_a_candidate(db: Connection) -> None:
    """The registered applier and its snapshots stay what they are."""
    append(db, 1, 2, 4)
    register(db)
    snapshot(db)
    candidate = applier(db, "candidate", DOUBLE)
    become(db, "service_role")
    found = replay(db, candidate=candidate)
    assert found["state"] == {"count": 3, "sum": 14, "schema": 1}
    assert found == {**replay(db), "state": found["state"]}
    assert replay(db, 2, "guest.candidate")["state"]["sum"] == 6
    nothing = {"state": {}, "version": 0, "position": 0, "as_of": None}
    assert replay(db, 0, candidate) == nothing
    assert state(db)["state"]["sum"] == 7


def test_a_candidate_needs_no_registered_applier(db: Connection) -> None:
    append(db, 1)
    candidate = applier(db, "candidate", DOUBLE)
    with raises(db, "KD509"):
        replay(db)
    assert replay(db, candidate=candidate)["state"]["sum"] == 2


def test_a_candidate_gets_events_as_they_read_today(db: Connection) -> None:
    append(db, 1, schema_version=1)
    up = upcaster(db, "up", "jsonb_build_object('amount', 10)")
    one(db, "select dbkit.register_upcaster('Added', 1, 2, %s)", up)
    found = replay(db, candidate=applier(db, "candidate"))
    assert found["state"] == {"count": 1, "sum": 10, "schema": 2}


def test_a_candidate_runs_with_the_callers_rights(db: Connection) -> None:
    append(db, 1)
    who = applier(db, "who", "return to_jsonb(current_user::text);")
    become(db, "service_role")
    assert replay(db, candidate=who)["state"] == "service_role"
    thief = "delete from dbkit.event_streams; return '{}';"
    db.execute("reset role")
    applier(db, "thief", thief)
    db.execute("alter function guest.thief volatile")
    become(db, "service_role")
    with raises(db, "42501"):
        replay(db, candidate="guest.thief")


def test_tenants_replay_only_what_is_registered(db: Connection) -> None:
    register(db)
    candidate = applier(db, "candidate")
    become(db, "authenticated", organization_id="acme")
    append(db, 3)
    assert replay(db)["state"]["sum"] == 3
    with raises(db, "KD003"):
        replay(db, candidate=candidate)
    become(db, "authenticated", organization_id="bistro")
    with raises(db, "KD502"):
        replay(db)
    become(db, "anon")
    with raises(db, "42501"):
        replay(db)


def test_a_bad_candidate_is_refused(db: Connection) -> None:
    append(db, 1)
    upcaster(db, "up", "p_data")
    closed = applier(db, "closed")
    db.execute("revoke all on function guest.closed from public")
    empty = applier(db, "empty", "return null;")
    failing = applier(db, "failing", "return to_jsonb(1 / 0);")
    become(db, "service_role")
    for candidate, code in (
        ("guest.missing", "KD508"),
        ("guest.up(jsonb)", "KD508"),
        ("guest.empty(jsonb,dbkit.event_store), (select 1", "KD508"),
        ("", "KD508"),
        (closed, "KD508"),
        (empty, "KD508"),
        (failing, "22012"),
    ):
        with raises(db, code):
            replay(db, candidate=candidate)


def test_versions_and_streams_that_are_not_there(db: Connection) -> None:
    candidate = applier(db, "candidate")
    with raises(db, "KD502"):
        replay(db, candidate=candidate)
    append(db, 1)
    for version in (-1, 2):
        with raises(db, "KD004"):
            replay(db, version, candidate)
