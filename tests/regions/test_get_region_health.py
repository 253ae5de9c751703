from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.helpers import Connection, become, freeze_clock, one, row, rows

HEALTH = "select * from dbkit.get_region_health()"
STATUS = "select status from dbkit.get_region_health() where region_id = 'eu-west-1'"
UPDATE = "select * from dbkit.update_region_health('eu-west-1', %s, %s)"


def test_lists_every_region_the_primary_first_though_never_checked(db: Connection) -> None:
    found = rows(db, HEALTH)
    assert [f["region_id"] for f in found] == [
        "us-east-1",
        "us-west-2",
        "eu-west-1",
        "ap-southeast-1",
    ]
    assert found[0] == {
        "region_id": "us-east-1",
        "name": "US East",
        "is_primary": True,
        "is_read_replica": False,
        "status": "unknown",
        "latency_ms": None,
        "consecutive_failures": 0,
        "last_check_at": None,
    }


def test_the_primary_is_first_whatever_its_priority(db: Connection) -> None:
    db.execute("update dbkit.regions set priority = 99 where is_primary")
    assert rows(db, HEALTH)[0]["region_id"] == "us-east-1"


def test_says_what_was_measured(db: Connection) -> None:
    freeze_clock(db, "2026-01-01T12:00:00Z")
    row(db, UPDATE, True, 80)
    found = row(db, f"{HEALTH} where region_id = 'eu-west-1'")
    assert found == {
        "region_id": "eu-west-1",
        "name": "Europe",
        "is_primary": False,
        "is_read_replica": True,
        "status": "healthy",
        "latency_ms": 80,
        "consecutive_failures": 0,
        "last_check_at": datetime(2026, 1, 1, 12, tzinfo=UTC),
    }


def test_degrades_with_failures_and_recovers_at_once(db: Connection) -> None:
    seen = [one(db, STATUS)]
    for healthy in (True, False, False, False, False, True):
        row(db, UPDATE, healthy, None)
        seen.append(one(db, STATUS))
    assert seen == [
        "unknown",
        "healthy",
        "degraded",
        "degraded",
        "unhealthy",
        "unhealthy",
        "healthy",
    ]


@pytest.mark.parametrize("status", ["inactive", "maintenance"])
@pytest.mark.parametrize("checked", [True, False, None])
def test_what_an_operator_took_out_is_inactive(
    db: Connection, status: str, checked: bool | None
) -> None:
    if checked is not None:
        row(db, UPDATE, checked, 10)
    db.execute("update dbkit.regions set status = %s where id = 'eu-west-1'", [status])
    assert one(db, STATUS) == "inactive"


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role", "super_admin"])
def test_every_role_may_ask(db: Connection, role: str) -> None:
    become(db, role)
    assert len(rows(db, HEALTH)) == 4
