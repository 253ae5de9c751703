"""dbkit.get_error_rate_timeseries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.helpers import Connection, become, freeze_clock, raises, rows
from tests.metrics.parts import add_days, latency, record, roll_up, today

SERIES = "select * from dbkit.get_error_rate_timeseries(%s, %s)"


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "America/New_York"])
@pytest.mark.parametrize("rolled", [True, False])
def test_buckets_are_of_utc_and_none_is_missing(db: Connection, zone: str, rolled: bool) -> None:
    add_days(db, 2)
    noon = today() - timedelta(hours=12)
    for minute, status in ((0, 200), (59, 500), (61, 500)):
        latency(db, 1, noon + timedelta(minutes=minute), status=status)
    record(db, "error", {"error_type": "t"}, noon + timedelta(minutes=121))
    if rolled:
        roll_up(db)
    db.execute("select set_config('timezone', %s, true)", [zone])
    freeze_clock(db, (noon + timedelta(hours=4)).isoformat())
    found = rows(db, SERIES, 5, 60)
    assert [f["bucket"].astimezone(UTC) - noon for f in found] == [
        timedelta(hours=h) for h in (-1, 0, 1, 2, 3)
    ]
    shown = [(f["request_count"], f["error_count"], f["error_rate"]) for f in found]
    assert shown == [(0, 0, None), (2, 1, 50.0), (1, 1, 100.0), (0, 0, None), (0, 0, None)]
    assert [f["error_events"] for f in found] == [0, 0, 0, 1, 0]


def test_first_and_last_hold_what_lies_in_the_while(db: Connection) -> None:
    add_days(db, 1)
    now = datetime.now(UTC).replace(minute=30, second=0, microsecond=0) - timedelta(hours=3)
    freeze_clock(db, now.isoformat())
    latency(db, 1, now - timedelta(minutes=61))
    latency(db, 1, now - timedelta(minutes=59))
    latency(db, 1, now - timedelta(minutes=1))
    assert [f["request_count"] for f in rows(db, SERIES, 1, 60)] == [1, 1]
    assert sum(f["request_count"] for f in rows(db, SERIES, 1, 5)) == 2


@pytest.mark.parametrize(
    ("hours", "minutes"), [(0, 60), (24, 0), (24, None), (None, 60), (9600, 1), (24, 10081)]
)
def test_refuses_numbers_out_of_range(
    db: Connection, hours: int | None, minutes: int | None
) -> None:
    with raises(db, "KD004"):
        rows(db, SERIES, hours, minutes)


def test_is_for_operators(db: Connection) -> None:
    become(db, "anon")
    with raises(db, "42501"):
        rows(db, SERIES, 24, 60)
