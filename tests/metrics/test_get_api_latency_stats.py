"""dbkit.get_api_latency_stats, and how far its percentiles may be off: 2.5 %, always."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta

import pytest

from tests.helpers import Connection, become, one, raises, row, rows, unbecome
from tests.metrics.parts import add_days, latency, roll_up

STATS = "select * from dbkit.get_api_latency_stats(%s)"
QUANTILES = {"p50_ms": 0.5, "p75_ms": 0.75, "p95_ms": 0.95, "p99_ms": 0.99}
_source = random.Random(1105)

DISTRIBUTIONS: dict[str, list[float]] = {
    "constant": [123.456] * 500,
    "one": [17.3],
    "two values": [1.0, 1000.0],
    "two points, even": [2.0] * 250 + [9000.0] * 250,
    "two points, 95 to 5": [2.0] * 475 + [9000.0] * 25,
    "heavy tail": [_source.paretovariate(0.4) for _ in range(2000)],
    "heavier tail": [min(_source.paretovariate(0.1), 1e12) for _ in range(2000)],
    "zeros": [0.0] * 300,
    "mostly zeros": [0.0] * 900 + [5.0] * 100,
    "half zeros": [0.0] * 500 + [5.0] * 500,
    "huge": [1e12, 1e12, 9.99e11, 5e11],
    "tiny and huge": [1e-5] * 200 + [1e12] * 200,
    "edges of buckets": [1.05**n for n in range(400)],
    "just above edges": [math.nextafter(1.05**n, math.inf) for n in range(400)],
    "uniform": [_source.uniform(0, 5000) for _ in range(2000)],
    "log-normal": [_source.lognormvariate(4, 1.5) for _ in range(2000)],
    "normal, narrow": [max(_source.gauss(200, 0.5), 0) for _ in range(1000)],
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
@pytest.mark.parametrize("rolled", [True, False], ids=["rolled up", "from events"])
def test_percentiles_are_within_bounds(db: Connection, name: str, rolled: bool) -> None:
    add_days(db, 1)
    begin = datetime.now(UTC) - timedelta(hours=6)
    db.execute(
        "insert into dbkit.runtime_metrics (created_at, event_type, event_data)"
        " select %s::timestamptz + n * interval '5 seconds', 'api_latency',"
        " jsonb_build_object('endpoint', '/x', 'latency_ms', v)"
        " from unnest(%s::float8[]) with ordinality as u (v, n)",
        [begin, DISTRIBUTIONS[name]],
    )
    if rolled:
        roll_up(db)
    found = row(db, STATS, 24)
    exact = one(
        db,
        "select percentile_cont(%s::float8[]) within group (order by v)"
        " from unnest(%s::float8[]) v",
        list(QUANTILES.values()),
        DISTRIBUTIONS[name],
    )
    for (column, quantile), expected in zip(QUANTILES.items(), exact, strict=True):
        assert found[column] == pytest.approx(expected, rel=0.025, abs=1e-6), (column, quantile)
    values = DISTRIBUTIONS[name]
    assert found["request_count"] == len(values)
    assert found["avg_ms"] == pytest.approx(sum(values) / len(values))
    assert found["max_ms"] == max(values)


def test_control_the_bound_is_no_wider_than_it_must_be(db: Connection) -> None:
    """The middle of a bucket is off by 2.44 % at its edges: a bound of 2 % would fail."""
    worst = one(
        db,
        "select max(abs(1.05 ^ i * 2 / 2.05 - v) / v) from generate_series(1, 200) i,"
        " unnest(array[1.05 ^ i, 1.05 ^ (i - 1) * 1.0000001]) v",
    )
    assert 0.02 < float(worst) < 0.025


def test_each_endpoint_has_a_row_busiest_first(db: Connection) -> None:
    for n in range(4):
        latency(db, 10 + n, endpoint="/busy", status=500 if n == 0 else 404)
    latency(db, 5, endpoint="/calm")
    latency(db, 5, endpoint="*")
    found = rows(db, STATS, 1)
    assert [(f["endpoint"], f["request_count"], f["error_count"]) for f in found] == [
        ("/busy", 4, 1),
        ("/calm", 1, 0),
        ("__other__", 1, 0),
    ]
    assert found[0]["avg_ms"] == 11.5


def test_requests_without_a_latency_count_without_percentiles(db: Connection) -> None:
    one(db, """select dbkit.record_metric('api_latency', '{"endpoint": "/x", "status": 503}')""")
    found = row(db, STATS, 1)
    assert (found["request_count"], found["error_count"], found["p95_ms"]) == (1, 1, None)


def test_the_while_ends_now_and_begins_to_the_hour_ago(db: Connection) -> None:
    add_days(db, 1)
    now = datetime.now(UTC)
    latency(db, 1, now - timedelta(hours=2, seconds=5))
    latency(db, 1, now - timedelta(hours=2) + timedelta(seconds=20))
    assert row(db, STATS, 2)["request_count"] == 1
    roll_up(db)
    assert row(db, STATS, 2)["request_count"] == 1
    assert row(db, STATS, 3)["request_count"] == 2


@pytest.mark.parametrize("hours", [0, -1, None, 9601])
def test_refuses_a_while_that_is_none(db: Connection, hours: int | None) -> None:
    with raises(db, "KD004"):
        rows(db, STATS, hours)


def test_is_for_operators(db: Connection) -> None:
    for role in ("anon", "authenticated"):
        become(db, role)
        with raises(db, "42501"):
            rows(db, STATS, 1)
        unbecome(db)
    for role in ("service_role", "super_admin"):
        become(db, role)
        assert rows(db, STATS, 1) == []
        unbecome(db)
