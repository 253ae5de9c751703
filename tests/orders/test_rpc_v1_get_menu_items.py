"""v1 shows a flat list of what can be ordered."""

from tests.helpers import Connection, become
from tests.orders.conftest import Call
from tests.orders.shop import Shop


def test_lists_what_can_be_ordered_in_menu_order(db: Connection, shop: Shop, call: Call) -> None:
    become(db, "anon")
    found = call(db, "get_menu_items", "v1", {"store_id": shop.stores["grill"]})
    assert found == [
        {"id": shop.items["burger"], "name": "burger", "price": 12.5, "category": "Mains"},
        {"id": shop.items["soda"], "name": "soda", "price": 2.35, "category": "Drinks"},
    ]


def test_without_store_lists_every_active_store(db: Connection, shop: Shop, call: Call) -> None:
    become(db, "anon")
    names = [item["name"] for item in call(db, "get_menu_items", "v1", {})]
    assert names == ["burger", "soda", "ramen", "fries"]


def test_hides_the_same_from_the_service(db: Connection, shop: Shop, call: Call) -> None:
    """The service may read retired items, but the menu does not sell them."""
    become(db, "service_role")
    names = [item["name"] for item in call(db, "get_menu_items", "v1", {})]
    assert names == ["burger", "soda", "ramen", "fries"]


def test_unknown_or_inactive_store_has_an_empty_menu(
    db: Connection, shop: Shop, call: Call
) -> None:
    become(db, "anon")
    assert call(db, "get_menu_items", "v1", {"store_id": shop.stores["gone"]}) == []
    assert call(db, "get_menu_items", "v1", {"store_id": 2**63 - 1}) == []
