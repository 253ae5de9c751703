"""v3 adds the whole tree of customizations, and nothing that is not on the menu."""

from typing import Any

from tests.helpers import Connection, become, one
from tests.orders.conftest import Call
from tests.orders.shop import Shop, add_node


def _burger(db: Connection, shop: Shop, call: Call) -> dict[str, Any]:
    menu = call(db, "get_menu_items", "v3", {"store_id": shop.stores["grill"]})
    item: dict[str, Any] = menu["categories"][0]["items"][0]
    assert item["name"] == "burger"
    return item


def test_nests_groups_options_and_sub_groups(db: Connection, shop: Shop, call: Call) -> None:
    become(db, "anon")
    size, extras = _burger(db, shop, call)["customizations"]
    assert size == {
        "id": shop.groups["size"],
        "name": "size",
        "min_select": 1,
        "max_select": 1,
        "options": [
            _option(shop, "regular", 0, default=True) | {"customizations": []},
            _option(shop, "large", 2)
            | {
                "customizations": [
                    {
                        "id": shop.groups["combo"],
                        "name": "combo",
                        "min_select": 1,
                        "max_select": 1,
                        "options": [
                            _option(shop, "cola", 0.3, default=True),
                            _option(shop, "shake", 1.1),
                        ],
                    }
                ]
            },
        ],
    }
    assert [(o["name"], o["available"]) for o in extras["options"]] == [
        ("cheese", True),
        ("bacon", True),
        ("no bun", True),
        ("truffle", False),
    ]


def _option(shop: Shop, name: str, delta: float, *, default: bool = False) -> dict[str, Any]:
    return {
        "id": shop.options[name],
        "name": name,
        "price_delta": delta,
        "available": True,
        "default": default,
    }


def test_what_is_below_an_inactive_node_is_gone(db: Connection, shop: Shop, call: Call) -> None:
    db.execute(
        "update dbkit.menu_item_customizations set is_active = false where id = %s",
        [shop.options["large"]],
    )
    for role in ("anon", "service_role"):
        become(db, role)
        size, _ = _burger(db, shop, call)["customizations"]
        assert [o["name"] for o in size["options"]] == ["regular"]


def test_item_without_choices_has_an_empty_tree(db: Connection, shop: Shop, call: Call) -> None:
    become(db, "anon")
    menu = call(db, "get_menu_items", "v3", {"store_id": shop.stores["noodles"]})
    assert menu["categories"][0]["items"][0]["customizations"] == []


def test_empty_group_is_shown_empty(db: Connection, shop: Shop, call: Call) -> None:
    add_node(db, shop, "soda", "ice", None)
    become(db, "anon")
    menu = call(db, "get_menu_items", "v3", {"store_id": shop.stores["grill"]})
    assert menu["categories"][1]["items"][0]["customizations"][0]["options"] == []


def test_agrees_with_older_versions_on_what_they_share(
    db: Connection, shop: Shop, call: Call
) -> None:
    become(db, "anon")
    v2 = call(db, "get_menu_items", "v2", {})
    v3 = call(db, "get_menu_items", "v3", {})
    for category in v3["categories"]:
        for item in category["items"]:
            del item["customizations"]
    assert v3 == v2
    assert one(db, "select count(*) from dbkit.menu_items") == 5
