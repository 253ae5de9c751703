"""dbkit.metric_api_latency_p95."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.helpers import Connection, become, raises, row
from tests.metrics.parts import add_days, latency, roll_up

P95 = "select * from dbkit.metric_api_latency_p95(%s, %s, %s::jsonb)"


def p95(conn: Connection, at: datetime, window: int = 15, params: str = "{}") -> tuple[Any, int]:
    found = row(conn, P95, at, window, params)
    return found["value"], found["samples"]


def test_is_of_all_requests_together_not_a_mean_of_percentiles(db: Connection) -> None:
    for _ in range(90):
        latency(db, 10, endpoint="/fast")
    for _ in range(10):
        latency(db, 3000, endpoint="/slow")
    now = datetime.now(UTC)
    value, samples = p95(db, now)
    assert samples == 100
    assert value == pytest.approx(3000, rel=0.025)
    assert p95(db, now, params='{"endpoint": "/fast"}') == (pytest.approx(10, rel=0.025), 90)


def test_is_the_same_rolled_up_and_not(db: Connection) -> None:
    add_days(db, 1)
    now = datetime.now(UTC)
    for n in range(400):
        latency(db, n**2, now - timedelta(seconds=n * 30), endpoint=f"/{n % 3}")
    asked = [(w, p) for w in (5, 60, 300) for p in ("{}", '{"endpoint": "/1"}')]
    before = [p95(db, now, w, p) for w, p in asked]
    roll_up(db)
    after = [p95(db, now, w, p) for w, p in asked]
    assert [a[1] for a in after] == [b[1] for b in before]
    assert [a[0] for a in after] == pytest.approx([b[0] for b in before])


def test_is_null_without_requests(db: Connection) -> None:
    assert p95(db, datetime.now(UTC)) == (None, 0)
    roll_up(db)
    assert p95(db, datetime.now(UTC), 600) == (None, 0)


def test_is_for_the_service(db: Connection) -> None:
    become(db, "anon")
    with raises(db, "42501"):
        p95(db, datetime.now(UTC))
