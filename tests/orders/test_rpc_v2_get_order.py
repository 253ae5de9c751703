"""get_order v2: lines and contact."""

from tests.helpers import Connection, become
from tests.orders.conftest import Call
from tests.orders.people import Orders
from tests.orders.shop import Shop


def test_answers_lines_and_contact(db: Connection, orders: Orders, shop: Shop, call: Call) -> None:
    become(db, "authenticated", user_id="oona")
    found = call(db, "get_order", "v2", {"order_id": orders.ids["bob_noodles"]})
    assert set(found) == {
        *("order_id", "store_id", "status", "total", "currency", "customer", "items", "created_at")
    }
    assert found["store_id"] == shop.stores["noodles"]
    assert found["customer"] == {"name": "Gül Öztürk", "phone": "555-0100", "email": None}
    assert found["items"] == [
        {
            "item_id": shop.items["ramen"],
            "name": "ramen",
            "customizations": [],
            "unit_price": 14,
            "quantity": 1,
            "line_total": 14,
        }
    ]
    assert found["total"] == 16.8
