"""Who still needs a version."""

import json

from tests.helpers import Connection, become, freeze_clock, one, raises, unbecome

READY = "select dbkit.get_sunset_readiness(%s)"


def log(conn: Connection, at: str, **entry: str) -> None:
    freeze_clock(conn, at)
    full = {"name": "x", "status_code": 200, "duration_ms": 1, "served_version": "v3", **entry}
    conn.execute("select dbkit.log_api_requests(%s)", [json.dumps([full])])


def test_ready_when_nobody_needs_it(db: Connection) -> None:
    assert one(db, READY, "v3") == {
        "version": "v3",
        "ready": True,
        "consumers": [],
        "consumer_count": 0,
        "calls_per_day": 0.0,
        "last_seen_at": None,
        "pinned": [],
        "reasons": [],
    }


def test_names_who_still_calls_is_pinned_or_points_there(db: Connection) -> None:
    log(db, "2026-01-01T00:00:00Z", client_id="long ago")
    log(db, "2026-01-10T00:00:00Z", client_id="a", app_name="web")
    log(db, "2026-01-11T00:00:00Z", client_id="a")
    log(db, "2026-01-11T06:00:00Z", organization_id="o")
    log(db, "2026-01-11T07:00:00Z", app_name="web")
    log(db, "2026-01-11T08:00:00Z")
    log(db, "2026-01-11T09:00:00Z", served_version="v1", client_id="else")
    db.execute("select dbkit.pin_consumer('partner', 'v3')")
    db.execute("select dbkit.switch_api_version('v3', 'v2')")
    found = one(db, READY, "v3")
    assert found["ready"] is False
    assert found["consumers"] == ["a", "o", "unknown", "web"]
    assert (found["consumer_count"], found["calls_per_day"]) == (4, 0.7)
    assert found["last_seen_at"].startswith("2026-01-11T08:00:00")
    assert found["pinned"] == ["partner"]
    assert found["reasons"] == [
        "5 calls in the last 7 days",
        "1 consumers are pinned to it",
        "it is the current version or the fallback",
    ]


def test_last_seen_outlives_the_log(db: Connection) -> None:
    log(db, "2026-01-01T00:00:00Z", client_id="a")
    db.execute("select dbkit.rollup_api_version_usage()")
    freeze_clock(db, "2026-02-01T00:00:00Z")
    db.execute("select dbkit.drop_day_partitions('dbkit.api_request_log', 7)")
    found = one(db, READY, "v3")
    assert found["ready"] is True
    assert found["last_seen_at"].startswith("2026-01-01T00:00:00")


def test_rights_and_unknown_version(db: Connection) -> None:
    with raises(db, "KD102"):
        one(db, READY, "v9")
    for role in ("anon", "authenticated"):
        become(db, role)
        with raises(db, "42501"):
            one(db, READY, "v1")
        unbecome(db)
    become(db, "service_role")
    assert one(db, READY, "v1")["ready"] is False
