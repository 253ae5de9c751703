"""Daily totals are worked out from the log: exact, repeatable, under load."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest

from tests.api.conftest import log_sum, outcome
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

ROLLUP = "select dbkit.rollup_api_version_usage()"


def log(conn: Connection, *entries: dict[str, Any]) -> None:
    full = [{"name": "x", "status_code": 200, "duration_ms": 2, **e} for e in entries]
    conn.execute("select dbkit.log_api_requests(%s)", [json.dumps(full)])


def test_counts_calls_errors_fallbacks_and_clients(db: Connection) -> None:
    freeze_clock(db, "2026-01-05T12:00:00Z")
    log(
        db,
        {"served_version": "v2", "client_id": "a", "duration_ms": 1.25},
        {"served_version": "v2", "client_id": "a", "status_code": 400, "duration_ms": 2.5},
        {"served_version": "v2", "client_id": "b", "status_code": 399, "fallback": True},
        {"served_version": "v2"},
        {"served_version": "v1", "client_id": "a"},
        {"status_code": 404},
    )
    assert str(one(db, ROLLUP)) == "2026-01-04"
    found = {f["version"]: f for f in rows(db, "select * from dbkit.api_version_usage")}
    assert set(found) == {"v1", "v2", "none"}
    v2 = found["v2"]
    assert (v2["calls"], v2["errors"], v2["fallbacks"], v2["clients"]) == (4, 1, 1, 3)
    assert float(v2["total_duration_ms"]) == 7.75
    assert str(v2["usage_date"]) == "2026-01-05"
    assert v2["last_seen_at"].isoformat() == "2026-01-05T12:00:00+00:00"
    assert (found["none"]["calls"], found["none"]["errors"]) == (1, 1)


def test_is_idempotent(db: Connection) -> None:
    log(db, {"served_version": "v2"}, {"served_version": "v3"})
    db.execute(ROLLUP)
    first = rows(db, "select * from dbkit.api_version_usage order by version")
    for _ in range(3):
        db.execute(ROLLUP)
    assert rows(db, "select * from dbkit.api_version_usage order by version") == first


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland", "America/Los_Angeles"])
def test_days_are_utc_days(db: Connection, zone: str) -> None:
    db.execute("select set_config('timezone', %s, true)", [zone])
    for at in ("2026-01-05T00:00:00Z", "2026-01-05T23:59:59Z", "2026-01-06T00:00:00Z"):
        freeze_clock(db, at)
        log(db, {"served_version": "v2"})
    assert str(one(db, ROLLUP)) == "2026-01-05"
    found = rows(db, "select usage_date::text as d, calls from dbkit.api_version_usage order by 1")
    assert [(f["d"], f["calls"]) for f in found] == [("2026-01-05", 2), ("2026-01-06", 1)]


def test_closed_days_stay_when_their_rows_are_dropped(db: Connection) -> None:
    for day in range(1, 8):
        freeze_clock(db, f"2026-01-0{day}T12:00:00Z")
        log(db, {"served_version": "v2"})
        db.execute(ROLLUP)
    db.execute("select dbkit.drop_day_partitions('dbkit.api_request_log', 3)")
    assert one(db, "select count(*) from dbkit.api_request_log") == 4
    db.execute(ROLLUP)
    assert log_sum(db) == 7


def test_catches_up_after_days_without_a_rollup(db: Connection) -> None:
    for day in (1, 2, 9):
        freeze_clock(db, f"2026-01-0{day}T12:00:00Z")
        log(db, {"served_version": "v2"}, {"served_version": "v2"})
    assert str(one(db, ROLLUP)) == "2026-01-08"
    assert log_sum(db) == 6
    assert one(db, "select count(*) from dbkit.api_version_usage") == 3


def test_the_watermark_never_goes_back(db: Connection) -> None:
    freeze_clock(db, "2026-01-09T00:00:00Z")
    db.execute(ROLLUP)
    freeze_clock(db, "2026-01-03T00:00:00Z")
    db.execute(ROLLUP)
    assert str(row(db, "select * from dbkit.api_usage_watermark")["rolled_up_from"]) == "2026-01-08"


def test_a_row_that_commits_late_is_counted(pair: tuple[Connection, Connection]) -> None:
    """The reason why days are counted anew: rows do not appear in the order of their times."""
    left, right = pair
    with left.transaction():
        log(left, {"served_version": "v2"})
        log(right, {"served_version": "v2"})
        right.execute(ROLLUP)
        assert log_sum(right) == 1
    right.execute(ROLLUP)
    assert log_sum(right) == 2


def test_exact_under_concurrent_logging(database: str) -> None:
    done = Event()

    def writer(conn: Connection) -> str:
        for n in range(40):
            log(conn, *[{"served_version": f"v{n % 3 + 1}"} for _ in range(5)])
        return "ok"

    def roller(conn: Connection) -> str:
        while not done.is_set():
            conn.execute(ROLLUP)
        return "ok"

    with ThreadPoolExecutor(8) as pool:
        rollers = [pool.submit(outcome, database, roller) for _ in range(2)]
        writers = [pool.submit(outcome, database, writer) for _ in range(6)]
        results = [w.result() for w in writers]
        done.set()
        results += [r.result() for r in rollers]
    assert results == ["ok"] * 8
    with connect(database, autocommit=True) as conn:
        conn.execute(ROLLUP)
        assert (
            log_sum(conn) == 6 * 40 * 5 == one(conn, "select count(*) from dbkit.api_request_log")
        )
        assert (
            float(one(conn, "select sum(total_duration_ms) from dbkit.api_version_usage")) == 2400
        )


def test_needs_service_role(db: Connection) -> None:
    for role in ("anon", "authenticated"):
        become(db, role)
        with raises(db, "42501"):
            one(db, ROLLUP)
        unbecome(db)
    become(db, "service_role")
    assert one(db, ROLLUP)
