from __future__ import annotations

from datetime import UTC, datetime
from threading import Barrier

import pytest

from tests.helpers import Connection, become, connect, freeze_clock, raises, row, rows
from tests.regions.concurrency import hammer

UPDATE = "select * from dbkit.update_region_sync_status(%s, %s, %s, %s)"
PAIR = ("us-east-1", "eu-west-1")


def test_returns_the_row_and_replaces_it(db: Connection) -> None:
    freeze_clock(db, "2026-01-01T12:00:00Z")
    assert row(db, UPDATE, *PAIR, 120, 4096) == {
        "source_region": "us-east-1",
        "target_region": "eu-west-1",
        "lag_ms": 120,
        "lag_bytes": 4096,
        "measured_at": datetime(2026, 1, 1, 12, tzinfo=UTC),
    }
    assert row(db, UPDATE, *PAIR, None, None)["lag_ms"] is None
    assert len(rows(db, "select * from dbkit.region_sync_status")) == 1


def test_takes_lags_beyond_an_int(db: Connection) -> None:
    assert row(db, UPDATE, *PAIR, 2**40, 2**60)["lag_bytes"] == 2**60


def test_an_older_report_does_not_replace_a_newer_one(db: Connection) -> None:
    freeze_clock(db, "2026-01-02T12:00:00Z")
    row(db, UPDATE, *PAIR, 100, 1)
    freeze_clock(db, "2026-01-01T12:00:00Z")
    assert rows(db, UPDATE, *PAIR, 200, 2) == []
    assert row(db, "select lag_ms from dbkit.region_sync_status") == {"lag_ms": 100}


@pytest.mark.parametrize(
    ("arguments", "argument"),
    [
        (("us-east-1", "us-east-1", 1, 1), "p_target_region"),
        ((*PAIR, -1, 1), "p_lag_ms"),
        ((*PAIR, 1, -1), "p_lag_bytes"),
    ],
)
def test_rejects_a_bad_argument_by_name(
    db: Connection, arguments: tuple[object, ...], argument: str
) -> None:
    with raises(db, "KD004") as caught:
        row(db, UPDATE, *arguments)
    assert caught.detail == {"argument": argument}


@pytest.mark.parametrize(
    ("source", "target"),
    [("mars-1", "us-east-1"), ("us-east-1", "mars-1"), (None, "us-east-1"), ("us-east-1", None)],
)
def test_rejects_an_unknown_region(db: Connection, source: str | None, target: str | None) -> None:
    with raises(db, "KD301"):
        row(db, UPDATE, source, target, 1, 1)


@pytest.mark.parametrize("role", ["service_role", "super_admin"])
def test_service_and_super_admin_may_report(db: Connection, role: str) -> None:
    become(db, role)
    assert row(db, UPDATE, *PAIR, 1, 1)["lag_ms"] == 1


def test_concurrent_reports_leave_one_row_of_one_report(database: str) -> None:
    def work(conn: Connection, number: int, barrier: Barrier) -> None:
        for _ in range(10):
            rows(conn, UPDATE, *PAIR, number, number * 1000)

    hammer(database, work)
    with connect(database) as conn:
        found = row(conn, "select lag_ms, lag_bytes from dbkit.region_sync_status")
        assert found["lag_bytes"] == found["lag_ms"] * 1000
