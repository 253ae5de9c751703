"""The demo's restaurant: three stores, their menus with nested choices, customers and staff."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import psycopg
from psycopg import sql

Connection: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"


def restaurant() -> dict[str, Any]:
    """Stores, menu, customers and staff, from `demo_data.json`."""
    text = Path(__file__).with_name("demo_data.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def load_restaurant(connection: Connection, advance: Callable[[], None]) -> dict[str, int]:
    """Insert the restaurant; `advance` is called for each item. Returns how much there is."""
    data = restaurant()
    loader = _Loader(connection, data["organization_id"], data["groups"], advance)
    for ingredient in data["ingredients"]:
        loader.insert("ingredient_templates", **ingredient)
    categories = {category["name"]: category for category in data["categories"]}
    stores: dict[str | None, int] = {None: 0}
    for store in data["stores"]:
        sold = store.pop("categories")
        stores[store["name"]] = loader.insert("stores", **store)
        for position, name in enumerate(sold):
            loader.category(stores[store["name"]], position, categories[name])
    for customer in data["customers"]:
        loader.insert("customers", **customer)
    for person in data["staff"]:
        store_id = stores[person.pop("store")] or None
        loader.insert("user_profiles", **person, store_id=store_id)
    # Fresh tables have no statistics, and the menus would be read by plans for tiny tables.
    connection.execute("analyze")
    return dict(loader.counts)


def menu_size() -> int:
    """How many items all stores have together."""
    data = restaurant()
    sizes = {category["name"]: len(category["items"]) for category in data["categories"]}
    return sum(sizes[name] for store in data["stores"] for name in store["categories"])


_WITH_ORGANIZATION = ("ingredient_templates", "stores", "customers", "user_profiles")


@dataclass
class _Loader:
    """Inserts rows, and the tree of choices below each item."""

    connection: Connection
    organization_id: str
    groups: Mapping[str, Any]
    advance: Callable[[], None]
    counts: Counter[str] = field(default_factory=Counter[str])
    templates: dict[str, int] = field(default_factory=dict[str, int])

    def insert(self, table: str, **values: object) -> int:
        if table in _WITH_ORGANIZATION:
            values["organization_id"] = self.organization_id
        statement = sql.SQL("insert into dbkit.{} ({}) values ({}) returning id").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, values)),
            sql.SQL(", ").join(sql.Placeholder() * len(values)),
        )
        found = self.connection.execute(statement, list(values.values())).fetchall()[0][0]
        self.counts[table] += 1
        if table == "ingredient_templates":
            self.templates[str(values["name"])] = found
        return int(found)

    def category(self, store_id: int, position: int, category: Mapping[str, Any]) -> None:
        name = category["name"]
        category_id = self.insert(
            "menu_categories", store_id=store_id, name=name, position=position
        )
        for place, item in enumerate(category["items"]):
            item_id = self.insert(
                "menu_items",
                store_id=store_id,
                category_id=category_id,
                name=item["name"],
                description=item["description"],
                price=item["price"],
                position=place,
                is_available=not item.get("sold_out", False),
            )
            for index, group in enumerate(category["groups"]):
                self.group(store_id, item_id, None, 0, index, self.groups[group])
            self.advance()

    def group(
        self,
        store_id: int,
        item_id: int,
        parent: int | None,
        level: int,
        position: int,
        group: Mapping[str, Any],
    ) -> None:
        common = {"store_id": store_id, "menu_item_id": item_id}
        group_id = self.insert(
            "menu_item_customizations",
            **common,
            parent_id=parent,
            level=level,
            name=group["name"],
            min_select=group["min_select"],
            max_select=group["max_select"],
            position=position,
        )
        for place, option in enumerate(group["options"]):
            option_id = self.insert(
                "menu_item_customizations",
                **common,
                parent_id=group_id,
                level=level + 1,
                name=option["name"],
                price_delta=option["price_delta"],
                position=place,
                is_default=option.get("default", False),
                is_available=not option.get("sold_out", False),
                ingredient_template_id=self.templates.get(option["name"]),
            )
            for index, inner in enumerate(option.get("groups", [])):
                self.group(store_id, item_id, option_id, level + 2, index, inner)
