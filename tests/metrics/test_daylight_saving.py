"""Buckets of hours and days are those of UTC, also in a session whose clocks are being changed.

In Berlin the 25th of October 2026 has 25 hours and the 29th of March 23: what is worked out there
must equal what is worked out in UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.helpers import Connection, freeze_clock, one, rows
from tests.metrics.parts import WHOLE, differences, latency, record

ZONES = ("UTC", "Europe/Berlin")
CHANGES = [datetime(2026, 10, 25, 1, tzinfo=UTC), datetime(2026, 3, 29, 1, tzinfo=UTC)]
ROLL = "select dbkit._roll_metrics(60, %s, %s)"
ROLL_HOURS = "select dbkit._roll_hours(array[%s::timestamptz], %s, %s, '-infinity')"


@contextmanager
def taken_back(conn: Connection, zone: str) -> Iterator[None]:
    conn.execute("savepoint zone")
    conn.execute("select set_config('timezone', %s, true)", [zone])
    yield
    conn.execute("rollback to zone")


def in_each_zone(conn: Connection, work: Callable[[], Any]) -> list[Any]:
    found = []
    for zone in ZONES:
        with taken_back(conn, zone):
            found.append(in_utc(work()))
    return found


def in_utc(found: Any) -> Any:
    """Times of the hour that comes twice equal none of another zone: so Python compares."""
    if isinstance(found, datetime):
        return found.astimezone(UTC)
    if isinstance(found, dict):
        return {key: in_utc(value) for key, value in found.items()}
    return [in_utc(value) for value in found] if isinstance(found, list) else found


@pytest.fixture(params=CHANGES, ids=["autumn", "spring"])
def change(db: Connection, request: pytest.FixtureRequest) -> datetime:
    """Three days around a change with an event every half hour; the clock is at their end."""
    at: datetime = request.param
    first = at.replace(hour=0) - timedelta(days=1)
    freeze_clock(db, first.isoformat())
    db.execute("select dbkit._make_day_partitions('dbkit.runtime_metrics', 3)")
    freeze_clock(db, (first + timedelta(days=3)).isoformat())
    for number in range(3 * 48):
        when = first + timedelta(minutes=30 * number + 5)
        latency(db, 10 + number, when, status=500 if number % 7 == 0 else 200)
    record(db, "error", {"error_type": "t"}, at + timedelta(minutes=30))
    db.execute("delete from dbkit.metric_rollup_dirty")
    return at


def roll_hour_by_hour(conn: Connection, change: datetime) -> list[dict[str, Any]]:
    """As a worker does, which looks often: no run is a whole day long."""
    begin = change.replace(hour=0) - timedelta(days=1)
    for number in range(73):
        start, end = begin + timedelta(hours=number), begin + timedelta(hours=number + 1)
        conn.execute(ROLL, [start, end])
        conn.execute(ROLL_HOURS, [start, start, end])
        conn.execute("update dbkit.metric_rollup_state set rolled_until = %s", [end])
    return kept(conn)


def roll_at_once(conn: Connection, change: datetime) -> list[dict[str, Any]]:
    """As after a while without a worker, or a rebuild."""
    begin = change.replace(hour=0) - timedelta(days=1)
    end = begin + timedelta(days=3, hours=1)
    conn.execute(ROLL, [begin, end])
    conn.execute(ROLL_HOURS, [begin, begin, end])
    conn.execute("update dbkit.metric_rollup_state set rolled_until = %s", [end])
    return kept(conn)


def kept(conn: Connection) -> list[dict[str, Any]]:
    assert differences(conn) == []
    columns = f"level, event_type, bucket, series, {WHOLE}"
    return rows(conn, f"select {columns} from dbkit.metric_rollups order by 1, 2, 3, 4")


@pytest.mark.parametrize("roll", [roll_hour_by_hour, roll_at_once])
def test_every_day_is_rolled_up_once_and_whole(
    db: Connection, change: datetime, roll: Callable[[Connection, datetime], list[dict[str, Any]]]
) -> None:
    expected, found = in_each_zone(db, lambda: roll(db, change))
    whole = (86400, "api_latency", "*")
    days = {
        r["bucket"]: r["samples"]
        for r in found
        if (r["level"], r["event_type"], r["series"]) == whole
    }
    midnight = change.replace(hour=0)
    assert days == {midnight + timedelta(days=n): 48 for n in (-1, 0, 1)}
    assert found == expected


READS = [
    "select * from dbkit.get_error_rate_timeseries(72, 60)",
    "select * from dbkit.get_error_rate_timeseries(72, 1440)",
    "select * from dbkit.get_api_latency_stats(48)",
    "select * from dbkit.get_api_latency_stats(71)",
    "select dbkit.get_metrics_summary(48)",
    "select * from dbkit.get_recent_errors(20, 72)",
    "select * from dbkit.metric_error_rate(dbkit.clock(), 2880)",
    "select * from dbkit.metric_api_latency_p95(dbkit.clock() - interval '20 hours', 1500)",
]


@pytest.mark.parametrize("rolled", [True, False])
def test_what_is_read_is_the_same(db: Connection, change: datetime, rolled: bool) -> None:
    def read() -> list[Any]:
        if rolled:
            roll_hour_by_hour(db, change)
        return [rows(db, statement) for statement in READS]

    expected, found = in_each_zone(db, read)
    for statement, theirs, ours in zip(READS, expected, found, strict=True):
        assert theirs, statement
        assert ours == theirs, statement
    assert len({r["bucket"] for r in found[0]}) == 72


def test_days_have_the_same_partitions_and_are_dropped_alike(
    db: Connection, change: datetime
) -> None:
    bounds = (
        "select c.relname, pg_get_expr(c.relpartbound, c.oid) as bound from pg_inherits i"
        " join pg_class c on c.oid = i.inhrelid"
        " where i.inhparent = 'dbkit.runtime_metrics'::regclass order by 1"
    )

    def make_and_drop() -> list[Any]:
        made = one(db, "select dbkit._make_day_partitions('dbkit.runtime_metrics', 7)")
        deleted = one(db, "select dbkit.cleanup_old_metrics(1)")
        left = one(db, "select min(created_at) from dbkit.runtime_metrics")
        db.execute("set local timezone = 'UTC'")
        return [made, deleted, left, rows(db, bounds)]

    expected, found = in_each_zone(db, make_and_drop)
    assert found == expected
    assert expected[1] == 97
