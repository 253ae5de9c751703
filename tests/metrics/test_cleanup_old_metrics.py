"""dbkit.cleanup_old_metrics."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.helpers import Connection, become, one, raises, row
from tests.metrics.parts import add_days, differences, latency, record, roll_up, today

CLEAN = "select dbkit.cleanup_old_metrics(%s)"


def test_drops_whole_days_and_counts_their_events(db: Connection) -> None:
    add_days(db, 4)
    for days in (1, 2, 2, 3):
        latency(db, 7, today() - timedelta(days=days) + timedelta(hours=1))
    roll_up(db)
    assert one(db, CLEAN, 2) == 1
    assert one(db, CLEAN, 1) == 2
    assert one(db, CLEAN, 1) == 0
    assert one(db, "select count(*) from dbkit.runtime_metrics") == 1


def test_hours_and_days_outlive_their_events(db: Connection) -> None:
    add_days(db, 4)
    latency(db, 7, today() - timedelta(days=3) + timedelta(hours=1))
    roll_up(db)
    one(db, CLEAN, 1)
    latency(db, 7, today() - timedelta(days=1) + timedelta(hours=1))
    roll_up(db)
    found = row(db, "select * from dbkit.get_api_latency_stats(168)")
    assert found["request_count"] == 2


def test_thirty_days_are_kept_unless_said_otherwise(db: Connection) -> None:
    add_days(db, 40)
    for days in (29, 30, 31):
        record(db, "error", {}, today() - timedelta(days=days) + timedelta(hours=1))
    assert one(db, "select dbkit.cleanup_old_metrics()") == 1
    oldest = one(db, "select min(created_at) from dbkit.runtime_metrics")
    assert oldest == today() - timedelta(days=30) + timedelta(hours=1)


def test_a_mark_of_a_day_that_is_gone_goes_too(db: Connection) -> None:
    add_days(db, 4)
    latency(db, 7, datetime.now(UTC) - timedelta(days=3))
    roll_up(db)
    latency(db, 7, datetime.now(UTC) - timedelta(days=3))
    assert one(db, "select count(*) from dbkit.metric_rollup_dirty") == 1
    one(db, CLEAN, 1)
    assert one(db, "select count(*) from dbkit.metric_rollup_dirty") == 0
    roll_up(db)
    assert [d for d in differences(db) if d["bucket"] >= today()] == []


@pytest.mark.parametrize("days", [0, -1, None, 100001])
def test_refuses_a_number_that_would_delete_today(db: Connection, days: int | None) -> None:
    with raises(db, "KD004"):
        one(db, CLEAN, days)


def test_is_for_the_service(db: Connection) -> None:
    become(db, "authenticated")
    with raises(db, "42501"):
        one(db, CLEAN, 30)
    become(db, "service_role")
    assert one(db, CLEAN, 30) == 0
