"""list_orders v2: also store, customer and pieces.

Paging is in test_page_orders, rights in test_orders.
"""

from tests.helpers import Connection, become
from tests.orders.conftest import Call
from tests.orders.people import Orders
from tests.orders.shop import Shop


def test_answers_a_page(db: Connection, orders: Orders, shop: Shop, call: Call) -> None:
    become(db, "authenticated", user_id="sam")
    page = call(db, "list_orders", "v2", {"store_id": shop.stores["grill"]})
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
        )
    }
    assert page["orders"][0]["total"] == 2.54


def test_counts_pieces_and_names_the_customer(db: Connection, shop: Shop, call: Call) -> None:
    become(db, "authenticated", user_id="alice")
    order = shop.order(shop.line("soda", 3), shop.line("burger", 2, "regular"))
    call(db, "place_order", "v2", order)
    (found,) = call(db, "list_orders", "v2", {})["orders"]
    assert found["item_count"] == 5
    assert found["customer_name"] == "Gül Öztürk"
    assert found["store_id"] == shop.stores["grill"]
