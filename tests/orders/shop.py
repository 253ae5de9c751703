"""A small restaurant, the people around it, and how a test calls it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tests.helpers import Connection, become, one, unbecome

V1_ALSO_IN_V2 = ("update_order_status", "cancel_order")
VERSIONS = ("v1", "v2", "v3")


@dataclass
class Shop:
    """Ids by name. Stores: grill, noodles (another tenant), night (closed), gone (inactive)."""

    stores: dict[str, int] = field(default_factory=dict)
    items: dict[str, int] = field(default_factory=dict)
    groups: dict[str, int] = field(default_factory=dict)
    options: dict[str, int] = field(default_factory=dict)

    def line(self, item: str, quantity: int = 1, *options: str) -> dict[str, Any]:
        chosen = [self.options[o] for o in options]
        return {"item_id": self.items[item], "quantity": quantity, "customizations": chosen}

    def order(self, *lines: dict[str, Any], store: str = "grill", **more: Any) -> dict[str, Any]:
        guest = {"name": "Gül Öztürk", "phone": "555-0100"}
        return {"store_id": self.stores[store], "items": list(lines), "customer": guest, **more}


def build_shop(conn: Connection) -> Shop:
    """Plain INSERTs as service_role: what a loader of data may do."""
    become(conn, "service_role")
    shop = Shop()
    for name, tenant, tax, is_open, is_active in [
        ("grill", "smoke", "0.0825", True, True),
        ("noodles", "wok", "0.2", True, True),
        ("night", "smoke", "0", False, True),
        ("gone", "smoke", "0", True, False),
    ]:
        shop.stores[name] = one(
            conn,
            "insert into dbkit.stores (organization_id, name, tax_rate, is_open, is_active)"
            " values (%s, %s, %s, %s, %s) returning id",
            *(tenant, name, tax, is_open, is_active),
        )
    _menu(conn, shop)
    _customizations(conn, shop)
    for user, store, role in [
        ("sam", "grill", "staff"),
        ("mia", "grill", "manager"),
        ("oona", "noodles", "staff"),
        ("alice", "grill", "customer"),
    ]:
        conn.execute(
            "insert into dbkit.user_profiles (organization_id, user_id, store_id, role)"
            " select organization_id, %s, id, %s from dbkit.stores where id = %s",
            [user, role, shop.stores[store]],
        )
    conn.execute("insert into dbkit.user_profiles (user_id, role) values ('boss', 'super_admin')")
    unbecome(conn)
    return shop


def _menu(conn: Connection, shop: Shop) -> None:
    categories: dict[tuple[str, str], int] = {}
    for position, (store, category, is_active, item, price, available, on_menu) in enumerate(
        [
            ("grill", "Mains", True, "burger", "12.50", True, True),
            ("grill", "Mains", True, "soup", "6.00", False, True),
            ("grill", "Mains", True, "retired", "9.99", True, False),
            ("grill", "Drinks", True, "soda", "2.35", True, True),
            ("grill", "Winter", False, "punch", "5.00", True, True),
            ("noodles", "Bowls", True, "ramen", "14.00", True, True),
            ("night", "Snacks", True, "fries", "3.00", True, True),
            ("gone", "Snacks", True, "relic", "1.00", True, True),
        ]
    ):
        if (store, category) not in categories:
            categories[store, category] = one(
                conn,
                "insert into dbkit.menu_categories (store_id, name, position, is_active)"
                " values (%s, %s, %s, %s) returning id",
                *(shop.stores[store], category, position, is_active),
            )
        shop.items[item] = one(
            conn,
            "insert into dbkit.menu_items"
            " (store_id, category_id, name, price, position, is_available, is_active)"
            " values (%s, %s, %s, %s, %s, %s, %s) returning id",
            *(shop.stores[store], categories[store, category], item, price, position),
            *(available, on_menu),
        )


def add_node(
    conn: Connection, shop: Shop, item: str, name: str, parent: str | None, **more: Any
) -> int:
    """A group (its parent is an option or None) or an option (its parent is a group)."""
    level = 0
    parent_id = None
    if parent is not None:
        parent_id = shop.groups.get(parent) or shop.options[parent]
        level = 1 + int(
            one(conn, "select level from dbkit.menu_item_customizations where id = %s", parent_id)
        )
    columns = {"level": level, "parent_id": parent_id, "name": name, **more}
    made = one(
        conn,
        "insert into dbkit.menu_item_customizations (store_id, menu_item_id,"
        f" {', '.join(columns)}) select store_id, id, {', '.join(['%s'] * len(columns))}"
        " from dbkit.menu_items where id = %s returning id",
        *columns.values(),
        shop.items[item],
    )
    (shop.options if level % 2 else shop.groups)[name] = made
    return int(made)


def _customizations(conn: Connection, shop: Shop) -> None:
    def add(name: str, parent: str | None, **more: Any) -> None:
        add_node(conn, shop, "burger", name, parent, position=len(shop.options), **more)

    add("size", None, min_select=1, max_select=1)
    add("regular", "size", is_default=True)
    add("large", "size", price_delta="2.00")
    add("combo", "large", min_select=1, max_select=1)
    add("cola", "combo", price_delta="0.30", is_default=True)
    add("shake", "combo", price_delta="1.10")
    add("extras", None, min_select=0, max_select=2)
    add("cheese", "extras", price_delta="0.75")
    add("bacon", "extras", price_delta="1.25")
    add("no bun", "extras", price_delta="-0.50")
    add("truffle", "extras", price_delta="9.00", is_available=False)
    add("old sauce", "extras", is_active=False)


def direct(conn: Connection, name: str, version: str, payload: object) -> Any:
    """The handler itself, as plain SQL would call it."""
    handler = "v1" if version == "v2" and name in V1_ALSO_IN_V2 else version
    return one(conn, f"select dbkit.rpc_{handler}_{name}(%s)", json.dumps(payload))


def routed(conn: Connection, name: str, version: str, payload: object) -> Any:
    """Through the router, which checks the payload first."""
    answer = one(
        conn, "select dbkit.route_api_call(%s, %s, %s)", name, json.dumps(payload), version
    )
    assert answer["meta"]["version"] == version
    return answer["data"]
