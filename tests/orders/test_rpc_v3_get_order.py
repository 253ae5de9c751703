"""get_order v3: all of it."""

from tests.helpers import Connection, become
from tests.orders.conftest import Call
from tests.orders.people import Orders
from tests.orders.shop import direct


def test_adds_totals_region_version_and_history(db: Connection, orders: Orders, call: Call) -> None:
    become(db, "authenticated", user_id="sam")
    order_id = orders.ids["alice"]
    direct(db, "update_order_status", "v3", {"order_id": order_id, "status": "confirmed"})
    found = call(db, "get_order", "v3", {"order_id": order_id})
    assert found["totals"]["total"] == 2.54
    assert found["api_version"] == "v3"
    assert found["source_region"] is None
    assert found["completed_at"] is None
    assert [h["to_status"] for h in found["history"]] == ["pending", "confirmed"]
    assert "guest_token" not in found


def test_shows_no_user_ids_and_no_hash(db: Connection, orders: Orders, call: Call) -> None:
    become(db, "authenticated", user_id="sam")
    found = call(db, "get_order", "v3", {"order_id": orders.ids["bob"]})
    assert "bob" not in str(found)
    assert "hash" not in str(found)
