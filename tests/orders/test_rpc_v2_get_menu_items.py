"""v2 groups by category and says what is sold out."""

from tests.helpers import Connection, become
from tests.orders.conftest import Call
from tests.orders.shop import Shop


def test_groups_by_category_and_marks_sold_out(db: Connection, shop: Shop, call: Call) -> None:
    become(db, "anon")
    menu = call(db, "get_menu_items", "v2", {"store_id": shop.stores["grill"]})
    assert [c["name"] for c in menu["categories"]] == ["Mains", "Drinks"]
    mains, drinks = menu["categories"]
    assert {c["store_id"] for c in menu["categories"]} == {shop.stores["grill"]}
    assert [(i["name"], i["available"]) for i in mains["items"]] == [
        ("burger", True),
        ("soup", False),
    ]
    assert drinks["items"] == [
        {
            "id": shop.items["soda"],
            "name": "soda",
            "description": None,
            "price": 2.35,
            "available": True,
        }
    ]


def test_store_without_menu_has_no_categories(db: Connection, shop: Shop, call: Call) -> None:
    become(db, "authenticated", user_id="alice")
    menu = call(db, "get_menu_items", "v2", {"store_id": shop.stores["gone"]})
    assert menu == {"categories": []}


def test_shows_unicode_as_it_was_written(db: Connection, shop: Shop, call: Call) -> None:
    name = 'Crème "brûlée" \\ 🍮'
    db.execute("update dbkit.menu_items set name = %s where id = %s", [name, shop.items["soda"]])
    become(db, "anon")
    menu = call(db, "get_menu_items", "v2", {"store_id": shop.stores["grill"]})
    assert menu["categories"][1]["items"][0]["name"] == name
