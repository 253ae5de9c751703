"""dbkit.get_order_health_summary: what the view says, added up, to those whose orders they are."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.healing.parts import stuck_orders
from tests.helpers import TOMORROW, Connection, become, freeze_clock, one, raises, unbecome
from tests.orders.shop import Shop

NOW = f"{TOMORROW}T12:30:00+00:00"
FROM = (datetime.fromisoformat(NOW) - timedelta(hours=23.5)).isoformat()
"""The hour in which the 24 before NOW begin."""
SUMMARY = "select dbkit.get_order_health_summary(%s, %s)"
REFRESH = "select dbkit.refresh_order_health()"


def summary(conn: Connection, store: int | None = None, hours: int = 24) -> Any:
    return one(conn, SUMMARY, store, hours)


@pytest.fixture
def busy(db: Connection, shop: Shop) -> Shop:
    """Grill: ten orders of six sorts; noodles: one, in another currency."""
    freeze_clock(db, NOW)
    grill = shop.stores["grill"]
    for count, status, minutes, total in [
        (1, "pending", 1, "1.00"),
        (1, "preparing", 30, "2.00"),
        (2, "preparing", 31, "3.00"),
        (1, "ready", 60, "4.00"),
        (1, "ready", 61, "5.00"),
        (3, "completed", 10, "6.00"),
        (1, "cancelled", 10, "7.00"),
    ]:
        stuck_orders(db, grill, count, status, minutes, total)
    stuck_orders(db, shop.stores["noodles"], 1, "completed", 10, "100.00")
    db.execute(
        "update dbkit.orders set currency = 'EUR' where store_id = %s", [shop.stores["noodles"]]
    )
    one(db, REFRESH)
    return shop


def test_of_a_store(db: Connection, busy: Shop) -> None:
    become(db, "service_role")
    found = summary(db, busy.stores["grill"])
    assert found == {
        "store_id": busy.stores["grill"],
        "hours": 24,
        "from_hour": FROM,
        "refreshed_at": NOW,
        "total_orders": 10,
        "completed_orders": 3,
        "cancelled_orders": 1,
        "active_orders": 6,
        "stuck_preparing": 2,
        "stuck_ready": 1,
        "stuck_orders": 3,
        "completion_rate": 75,
        "avg_completion_minutes": 5,
        "avg_order_value": {"USD": 4},
        "revenue": {"USD": 36},
    }


def test_of_all_stores_and_currencies(db: Connection, busy: Shop) -> None:
    become(db, "service_role")
    found = summary(db)
    assert (found["store_id"], found["total_orders"]) == (None, 11)
    assert found["revenue"] == {"USD": 36, "EUR": 100}
    assert found["avg_order_value"] == {"USD": 4, "EUR": 100}
    assert found["completion_rate"] == 80


def test_agrees_with_the_orders_themselves(db: Connection, busy: Shop) -> None:
    become(db, "service_role")
    direct = one(
        db,
        "select jsonb_build_object('total_orders', count(*),"
        " 'completed_orders', count(*) filter (where status = 'completed'),"
        " 'avg_completion_minutes',"
        "   round(avg(extract(epoch from completed_at - created_at)) / 60, 2),"
        " 'stuck_orders', count(*) filter (where"
        "   status = 'preparing' and status_changed_at < dbkit.clock() - interval '30 min'"
        "   or status = 'ready' and status_changed_at < dbkit.clock() - interval '1 h'))"
        " from dbkit.orders",
    )
    assert direct.items() <= summary(db).items()


def test_hours_of_utc_whatever_the_session_says(db: Connection, busy: Shop) -> None:
    become(db, "service_role")
    assert summary(db, hours=1)["total_orders"] == 6
    db.execute("set local timezone = 'Asia/Kathmandu'")
    one(db, REFRESH)
    assert summary(db, hours=1)["total_orders"] == 6
    assert summary(db, hours=2)["total_orders"] == 11


def test_is_as_old_as_the_refresh(db: Connection, busy: Shop) -> None:
    stuck_orders(db, busy.stores["grill"], 5, "ready", 90)
    freeze_clock(db, f"{TOMORROW}T12:45:00Z")
    become(db, "service_role")
    found = summary(db)
    assert found["total_orders"] == 11
    assert found["refreshed_at"] == NOW
    assert one(db, REFRESH)["refreshed"]
    assert summary(db)["total_orders"] == 16


def test_nothing_is_nothing(db: Connection) -> None:
    become(db, "service_role")
    found = summary(db, None, 1)
    assert (found["total_orders"], found["stuck_orders"], found["revenue"]) == (0, 0, {})
    assert found["completion_rate"] is found["avg_completion_minutes"] is None
    assert found["refreshed_at"] is None


def test_staff_see_their_store_and_nobody_elses(db: Connection, busy: Shop) -> None:
    grill, noodles = busy.stores["grill"], busy.stores["noodles"]
    for user in ("sam", "mia"):
        become(db, "authenticated", user_id=user)
        assert summary(db, grill)["total_orders"] == summary(db)["total_orders"] == 10
        with raises(db, "KD003"):
            summary(db, noodles)
    become(db, "authenticated", user_id="oona")
    assert summary(db)["revenue"] == {"EUR": 100}
    for user in ("alice", "boss", "nobody", ""):
        become(db, "authenticated", **({"user_id": user} if user else {}))
        for store in (None, grill):
            with raises(db, "KD003"):
                summary(db, store)
    unbecome(db)
    become(db, "anon", user_id="sam")
    with raises(db, "42501"):
        summary(db, grill)


def test_unknown_and_bad(db: Connection) -> None:
    become(db, "service_role")
    with raises(db, "KD402"):
        summary(db, -1)
    for hours in (0, -1, 745, None):
        with raises(db, "KD004"):
            one(db, SUMMARY, None, hours)
