"""dbkit.metric_error_rate."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.helpers import Connection, become, raises, row, unbecome
from tests.metrics.parts import add_days, latency, record, roll_up

RATE = "select * from dbkit.metric_error_rate(%s, %s, %s::jsonb)"


def rate(
    conn: Connection, at: datetime | None = None, window: int | None = 15, params: str | None = "{}"
) -> tuple[Any, int]:
    found = row(conn, RATE, at or datetime.now(UTC), window, params)
    return found["value"], found["samples"]


def test_is_the_share_of_failed_requests(db: Connection) -> None:
    for status in (200, 404, 500, 503):
        latency(db, 10, status=status)
    record(db, "error", {"error_type": "e"})
    assert rate(db) == (50.0, 4)


def test_is_null_without_requests(db: Connection) -> None:
    record(db, "error", {"error_type": "e"})
    assert rate(db) == (None, 0)
    assert rate(db, params=None) == (None, 0)


def test_can_be_of_one_endpoint_or_organization(db: Connection) -> None:
    become(db, "authenticated", organization_id="acme", user_id="u")
    latency(db, 10, endpoint="/a", status=500)
    unbecome(db)
    latency(db, 10, endpoint="/a")
    latency(db, 10, endpoint="/b")
    assert rate(db, params='{"endpoint": "/a"}') == (50.0, 2)
    assert rate(db, params='{"organization": "acme"}') == (100.0, 1)
    assert rate(db, params='{"endpoint": "/b", "organization": "acme"}') == (None, 0)


def test_is_the_same_rolled_up_and_not(db: Connection) -> None:
    add_days(db, 1)
    now = datetime.now(UTC)
    for seconds in range(0, 4000, 37):
        latency(db, 1, now - timedelta(seconds=seconds), status=500 if seconds % 5 else 200)
    params = ("{}", '{"endpoint": "/orders"}', '{"endpoint": "/none"}')
    asked = [(window, given) for window in (1, 5, 15, 60, 600) for given in params]
    before = [rate(db, now, window, given) for window, given in asked]
    roll_up(db)
    assert [rate(db, now, window, given) for window, given in asked] == before
    latency(db, 1, now - timedelta(minutes=3), status=500)
    late = [rate(db, now, window, given) for window, given in asked]
    assert late != before
    roll_up(db)
    assert [rate(db, now, window, given) for window, given in asked] == late


def test_the_window_begins_with_a_whole_minute_and_ends_before_now(db: Connection) -> None:
    add_days(db, 1)
    at = datetime.now(UTC).replace(second=30, microsecond=0) - timedelta(hours=1)
    latency(db, 1, at - timedelta(minutes=5, seconds=31), status=500)
    latency(db, 1, at - timedelta(minutes=5, seconds=30), status=500)
    latency(db, 1, at - timedelta(microseconds=1))
    latency(db, 1, at)
    assert rate(db, at, 5) == (50.0, 2)
    roll_up(db)
    assert rate(db, at, 5) == (50.0, 2)


@pytest.mark.parametrize("window", [0, -5, None, 600000])
def test_refuses_a_window_that_is_none(db: Connection, window: int | None) -> None:
    with raises(db, "KD004"):
        rate(db, window=window)


def test_is_for_the_service(db: Connection) -> None:
    become(db, "authenticated")
    with raises(db, "42501"):
        rate(db)
    become(db, "service_role")
    assert rate(db) == (None, 0)
