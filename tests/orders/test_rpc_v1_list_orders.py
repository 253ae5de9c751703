"""list_orders v1: status and total.

Paging is in test_page_orders, rights in test_orders.
"""

from tests.helpers import Connection, become
from tests.orders.conftest import Call
from tests.orders.people import Orders
from tests.orders.shop import Shop


def test_answers_a_page(db: Connection, orders: Orders, shop: Shop, call: Call) -> None:
    become(db, "authenticated", user_id="sam")
    page = call(db, "list_orders", "v1", {"store_id": shop.stores["grill"]})
    assert page["next_cursor"] is None
    assert [o["order_id"] for o in page["orders"]] == [
        orders.ids[key] for key in ("guest", "bob", "alice")
    ]
    assert set(page["orders"][0]) == {*("order_id", "status", "total", "currency", "created_at")}
    assert page["orders"][0]["total"] == 2.54
