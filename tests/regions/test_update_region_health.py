from __future__ import annotations

from datetime import UTC, datetime
from threading import Barrier

import pytest

from tests.helpers import Connection, become, connect, freeze_clock, one, raises, row
from tests.regions.concurrency import CALLS, CONNECTIONS, hammer

UPDATE = "select * from dbkit.update_region_health(%s, %s, %s)"
FAIL = "select * from dbkit.update_region_health('eu-west-1', false)"
PASS = "select * from dbkit.update_region_health('eu-west-1', true, 40)"
FAILURES = "select consecutive_failures from dbkit.region_health where region_id = 'eu-west-1'"


def test_returns_the_row_of_a_first_good_check(db: Connection) -> None:
    freeze_clock(db, "2026-01-01T12:00:00Z")
    assert row(db, UPDATE, "us-east-1", True, 12) == {
        "region_id": "us-east-1",
        "healthy": True,
        "latency_ms": 12,
        "consecutive_failures": 0,
        "last_check_at": datetime(2026, 1, 1, 12, tzinfo=UTC),
    }


def test_counts_failures_in_a_row_and_forgets_them_on_success(db: Connection) -> None:
    checks = [FAIL, FAIL, FAIL, PASS, FAIL, PASS, PASS]
    counts = [row(db, check)["consecutive_failures"] for check in checks]
    assert counts == [1, 2, 3, 0, 1, 0, 0]


def test_keeps_regions_apart(db: Connection) -> None:
    row(db, FAIL)
    assert row(db, UPDATE, "us-east-1", False, None)["consecutive_failures"] == 1
    assert one(db, FAILURES) == 1


def test_keeps_the_last_latency_that_was_measured(db: Connection) -> None:
    row(db, PASS)
    assert row(db, FAIL)["latency_ms"] == 40
    assert row(db, UPDATE, "eu-west-1", False, 900)["latency_ms"] == 900


def test_notes_when_it_was_last_healthy_and_never_goes_back(db: Connection) -> None:
    for day, check in ((2, PASS), (3, FAIL), (1, PASS)):
        freeze_clock(db, f"2026-01-0{day}T12:00:00Z")
        row(db, check)
    found = row(db, "select * from dbkit.region_health")
    assert (found["last_healthy_at"].day, found["last_check_at"].day) == (2, 3)


def test_a_region_that_never_answered_was_never_healthy(db: Connection) -> None:
    row(db, FAIL)
    assert row(db, "select last_healthy_at from dbkit.region_health") == {"last_healthy_at": None}


@pytest.mark.parametrize(
    ("healthy", "latency", "argument"),
    [(None, 10, "p_healthy"), (True, -1, "p_latency_ms")],
)
def test_rejects_a_bad_argument_by_name(
    db: Connection, healthy: bool | None, latency: int, argument: str
) -> None:
    with raises(db, "KD004") as caught:
        row(db, UPDATE, "us-east-1", healthy, latency)
    assert caught.detail == {"argument": argument}


@pytest.mark.parametrize("region", [None, "", "mars-1"])
def test_rejects_an_unknown_region(db: Connection, region: str | None) -> None:
    with raises(db, "KD301"):
        row(db, UPDATE, region, True, 10)


@pytest.mark.parametrize("role", ["service_role", "super_admin"])
def test_service_and_super_admin_may_report(db: Connection, role: str) -> None:
    become(db, role)
    assert row(db, PASS)["healthy"] is True


def test_sixteen_connections_lose_no_failure(database: str) -> None:
    def work(conn: Connection, number: int, barrier: Barrier) -> None:
        conn.execute("set role service_role")
        counts = [row(conn, FAIL)["consecutive_failures"] for _ in range(CALLS)]
        assert counts == sorted(set(counts))

    hammer(database, work)
    with connect(database) as conn:
        assert one(conn, FAILURES) == CONNECTIONS * CALLS
        assert row(conn, PASS)["consecutive_failures"] == 0


def test_control_counting_outside_the_row_loses_failures(database: str) -> None:
    """What the test above would see if the count were read first and written back."""
    with connect(database) as conn:
        row(conn, FAIL)

    def work(conn: Connection, number: int, barrier: Barrier) -> None:
        count = one(conn, FAILURES)
        barrier.wait()
        conn.execute("update dbkit.region_health set consecutive_failures = %s", [count + 1])

    hammer(database, work)
    with connect(database) as conn:
        assert one(conn, FAILURES) < 1 + CONNECTIONS
