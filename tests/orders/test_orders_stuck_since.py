"""dbkit.orders_stuck_since: the age of an order in its status, also of the past."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.helpers import Connection, become, one, row

NOW = datetime.fromisoformat("2026-03-01T12:00:00+00:00")


@pytest.fixture
def order(db: Connection) -> int:
    """An order that is in preparation since 11:00."""
    store = one(db, "insert into dbkit.stores (name) values ('S') returning id")
    number: int = one(
        db,
        "insert into dbkit.orders (store_id, customer_name, currency, tax_rate, subtotal, tax,"
        " total, api_version, status, created_at, status_changed_at)"
        " values (%s, 'C', 'USD', 0, 1, 0, 1, 'v3', 'preparing', %s, %s) returning id",
        *(store, NOW - timedelta(hours=2), NOW - timedelta(hours=1)),
    )
    history(db, number, None, "pending", -120)
    history(db, number, "pending", "preparing", -60)
    db.execute("select set_config('dbkit.clock', %s, true)", [NOW.isoformat()])
    return number


def history(db: Connection, number: int, before: str | None, after: str, minutes: int) -> None:
    db.execute(
        "insert into dbkit.order_status_history (order_id, from_status, to_status, actor,"
        " changed_at) values (%s, %s, %s, 'staff', %s)",
        [number, before, after, NOW + timedelta(minutes=minutes)],
    )


def stuck(db: Connection, minutes: int, at: int = 0, params: str = "{}") -> Any:
    found = row(
        db,
        "select * from dbkit.orders_stuck_since(%s, %s, %s)",
        *(NOW + timedelta(minutes=at), minutes, params),
    )
    assert found["value"] == found["samples"]
    return found["value"]


def test_counts_by_age(db: Connection, order: int) -> None:
    assert (stuck(db, 45), stuck(db, 60), stuck(db, 61)) == (1, 1, 0)
    assert stuck(db, 45, params='{"statuses": ["ready"]}') == 0
    assert stuck(db, 45, params='{"statuses": ["ready", "preparing", "nonsense"]}') == 1


def test_the_past_is_told_by_the_history(db: Connection, order: int) -> None:
    history(db, order, "preparing", "ready", -5)
    db.execute("update dbkit.orders set status = 'ready', status_changed_at = %s",
               [NOW - timedelta(minutes=5)])  # fmt: skip
    assert stuck(db, 45) == 0
    assert stuck(db, 45, at=-10) == 1
    assert stuck(db, 45, at=-20) == 0
    assert stuck(db, 1, at=-2, params='{"statuses": ["ready"]}') == 1


def test_needs_service(db: Connection, order: int) -> None:
    become(db, "service_role")
    assert stuck(db, 45) == 1
