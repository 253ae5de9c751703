"""list_orders v3: also region and history.

Paging is in test_page_orders, rights in test_orders.
"""

from tests.helpers import Connection, become
from tests.orders.conftest import Call
from tests.orders.people import Orders
from tests.orders.shop import Shop


def test_answers_a_page(db: Connection, orders: Orders, shop: Shop, call: Call) -> None:
    become(db, "authenticated", user_id="sam")
    page = call(db, "list_orders", "v3", {"store_id": shop.stores["grill"]})
    assert page["next_cursor"] is None
    assert [o["order_id"] for o in page["orders"]] == [
        orders.ids[key] for key in ("guest", "bob", "alice")
    ]
    assert set(page["orders"][0]) == {
        *(
            "order_id",
            "status",
            "total",
            "currency",
            "created_at",
            "store_id",
            "customer_name",
            "item_count",
            "source_region",
            "history",
        )
    }
    assert page["orders"][0]["total"] == 2.54
    assert [h["to_status"] for h in page["orders"][0]["history"]] == ["pending"]
