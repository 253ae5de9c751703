from __future__ import annotations

from typing import Any

from tests.events.folding import append, register, snapshots, state, total
from tests.helpers import Connection, become, connect, freeze_clock, one, raises, rows

RUN = "select dbkit.run_snapshots(%s)"


def ask(conn: Connection, *streams: str, organization: str = "default", at: str = "") -> None:
    for stream in streams:
        conn.execute(
            "insert into dbkit.event_snapshot_requests values (%s, 'tab', %s, %s)",
            [organization, stream, at or "2026-01-01"],
        )


def asked(conn: Connection) -> list[str]:
    found = rows(
        conn, "select aggregate_id from dbkit.event_snapshot_requests order by requested_at, 1"
    )
    return [request["aggregate_id"] for request in found]


def run(conn: Connection, limit: int = 100) -> Any:
    return one(conn, RUN, limit)


def test_makes_what_was_asked_for(db: Connection) -> None:
    register(db)
    for stream in ("a", "b", "c"):
        append(db, 1, 2, stream=stream)
    ask(db, "a", "b")
    become(db, "service_role")
    assert run(db) == {"made": 2, "failed": 0, "errors": []}
    assert [total(db, stream)[1] for stream in ("a", "b", "c")] == [2, 2, None]
    assert asked(db) == []
    assert run(db) == {"made": 0, "failed": 0, "errors": []}


def test_appends_ask_every_so_many_events(db: Connection) -> None:
    one(db, "select dbkit.configure_aggregate('tab', 5)")
    register(db)
    append(db, 1, 2, 4, 8)
    assert asked(db) == []
    append(db, 16, 32)
    append(db, 1, stream="b")
    assert asked(db) == ["a"]
    assert run(db)["made"] == 1
    assert total(db) == (63, 6)
    append(db, 1, 1, 1, 1)
    assert asked(db) == ["a"]


def test_of_every_organization(db: Connection) -> None:
    register(db)
    for organization in ("acme", "bistro"):
        become(db, "authenticated", organization_id=organization)
        append(db, 1)
        db.execute("reset role")
        ask(db, "a", organization=organization)
    become(db, "service_role", organization_id="other")
    assert run(db)["made"] == 2
    for organization in ("acme", "bistro"):
        become(db, "authenticated", organization_id=organization)
        assert total(db) == (1, 1)


def test_the_longest_waiting_first(db: Connection) -> None:
    register(db)
    for day, stream in enumerate("cab", 1):
        append(db, 1, stream=stream)
        ask(db, stream, at=f"2026-01-0{day}")
    assert run(db, 2)["made"] == 2
    assert asked(db) == ["b"]


def test_one_that_fails_does_not_stop_the_others_and_is_not_lost(db: Connection) -> None:
    freeze_clock(db, "2026-02-01")
    register(db, body="return to_jsonb(1 / (p_event.event_data ->> 'amount')::int);")
    for amount, stream in enumerate("abc"):
        append(db, amount, stream=stream)
    ask(db, "a", "b", "c", "missing")
    found = run(db)
    assert (found["made"], found["failed"]) == (2, 2)
    assert [(e["aggregate_id"], e["sqlstate"]) for e in found["errors"]] == [
        ("a", "22012"),
        ("missing", "KD502"),
    ]
    assert found["errors"][0]["organization_id"] == "default"
    assert asked(db) == ["a", "missing"]
    register(db)
    assert run(db)["made"] == 1
    assert snapshots(db) == [1]


def test_failures_do_not_keep_others_waiting(db: Connection) -> None:
    register(db)
    append(db, 1, stream="z")
    freeze_clock(db, "2026-02-01")
    ask(db, "a", "b")
    ask(db, "z", at="2026-01-02")
    assert run(db, 2)["failed"] == 2
    assert run(db, 1)["made"] == 1
    assert asked(db) == ["a", "b"]


def test_a_failed_one_leaves_nothing_half_done(db: Connection) -> None:
    register(db, body="return null;")
    append(db, 1)
    ask(db, "a")
    assert run(db)["errors"][0]["sqlstate"] == "KD508"
    assert snapshots(db) == []
    assert asked(db) == ["a"]


def test_two_at_once_take_different_requests(database: str) -> None:
    with connect(database) as first, connect(database) as second:
        register(first)
        for stream in ("a", "b", "c"):
            append(first, 1, stream=stream)
            ask(first, stream)
        first.commit()
        assert run(first, 2)["made"] == 2
        assert run(second)["made"] == 1
        first.commit()
        second.commit()
        assert asked(first) == []
        assert [state(first, stream)["snapshot_version"] for stream in "abc"] == [1, 1, 1]


def test_a_request_for_a_stream_in_work_does_not_wait(database: str) -> None:
    """While the snapshot is made its request is only locked; it goes at the very end."""
    with connect(database) as first, connect(database, autocommit=True) as second:
        register(first, body="perform pg_advisory_xact_lock(1); return p_state;")
        append(first, 1)
        ask(first, "a")
        first.commit()
        first.execute("select * from dbkit.event_snapshot_requests for update")
        second.execute("set lock_timeout = '1s'")
        second.execute(
            "insert into dbkit.event_snapshot_requests values ('default', 'tab', 'a', now())"
            " on conflict do nothing"
        )
        assert one(second, RUN, 10)["made"] == 0
        first.commit()


def test_the_limit_is_bounded(db: Connection) -> None:
    for limit in (0, -1, 10001, None):
        with raises(db, "KD004"):
            one(db, RUN, limit)


def test_needs_service_role(db: Connection) -> None:
    for role in ("anon", "authenticated"):
        become(db, role)
        with raises(db, "42501"):
            run(db)
