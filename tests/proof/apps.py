"""What each generation of the app asks for."""

from __future__ import annotations

import json
from typing import Any

from tests.orders.shop import Shop
from tests.proof.traffic import Request


def reads(app: str | None, asked: str | None = None) -> list[Request]:
    return [
        Request("get_menu_items", app, asked),
        Request("check_compatibility", app or "2.0.0", asked),
        Request("get_features", app, asked or "v2"),
        Request("get_menu_items", app, asked),
    ]


def order(shop: Shop, version: str, app: str, asked: str | None, user: str | None) -> Request:
    """An order as that version of the API takes it, from a guest or an account."""
    role = "authenticated" if user else "anon"
    if version == "v1":
        payload: dict[str, Any] = {"store_id": shop.stores["grill"], "item_id": shop.items["soda"]}
        payload |= {"quantity": 2, "customer_name": "Ann O'Hara", "customer_phone": "555-0101"}
    else:
        payload = shop.order(shop.line("burger", 1, "regular", "cheese"), shop.line("soda"))
    if version == "v3":
        payload["source_region"] = "eu-west-1"
    return Request("place_order", app, asked, role, user, json.dumps(payload))
