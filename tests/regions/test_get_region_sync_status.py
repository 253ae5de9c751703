from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.helpers import Connection, become, freeze_clock, one, raises, row, rows

SYNC = "select * from dbkit.get_region_sync_status()"
UPDATE = "select * from dbkit.update_region_sync_status(%s, %s, %s, %s)"


def test_is_empty_before_any_report(db: Connection) -> None:
    assert rows(db, SYNC) == []


def test_lists_every_pair_in_order(db: Connection) -> None:
    freeze_clock(db, "2026-01-01T12:00:00Z")
    row(db, UPDATE, "us-east-1", "us-west-2", 60, 100)
    row(db, UPDATE, "us-east-1", "eu-west-1", 120, 4096)
    found = rows(db, SYNC)
    assert [f["target_region"] for f in found] == ["eu-west-1", "us-west-2"]
    assert found[0] == {
        "source_region": "us-east-1",
        "target_region": "eu-west-1",
        "status": "in_sync",
        "lag_ms": 120,
        "lag_bytes": 4096,
        "measured_at": datetime(2026, 1, 1, 12, tzinfo=UTC),
    }


@pytest.mark.parametrize(
    ("lag", "status"),
    [(0, "in_sync"), (4999, "in_sync"), (5000, "lagging"), (None, "unknown")],
)
def test_lags_from_five_seconds_on(db: Connection, lag: int | None, status: str) -> None:
    row(db, UPDATE, "us-east-1", "eu-west-1", lag, 0)
    assert one(db, "select status from dbkit.get_region_sync_status()") == status


@pytest.mark.parametrize("role", ["service_role", "super_admin"])
def test_service_and_super_admin_may_ask(db: Connection, role: str) -> None:
    become(db, role)
    assert rows(db, SYNC) == []


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_clients_may_not_ask(db: Connection, role: str) -> None:
    become(db, role)
    with raises(db, "42501"):
        rows(db, SYNC)
