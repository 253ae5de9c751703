"""Orders of several people, for the tests of who sees and changes what."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.helpers import Connection, become, unbecome
from tests.orders.shop import Shop, direct


@dataclass
class Orders:
    """Order ids: Alice and Bob at the grill, a guest there, Bob at the noodles."""

    ids: dict[str, int] = field(default_factory=dict)
    guest_token: str = ""


def place_all(conn: Connection, shop: Shop) -> Orders:
    orders = Orders()
    for key, role, user, item, store in [
        ("alice", "authenticated", "alice", "soda", "grill"),
        ("bob", "authenticated", "bob", "soda", "grill"),
        ("guest", "anon", "", "soda", "grill"),
        ("bob_noodles", "authenticated", "bob", "ramen", "noodles"),
    ]:
        become(conn, role, **({"user_id": user} if user else {}))
        made: dict[str, Any] = direct(
            conn, "place_order", "v3", shop.order(shop.line(item), store=store)
        )
        orders.ids[key] = made["order_id"]
        orders.guest_token = made["guest_token"] or orders.guest_token
    unbecome(conn)
    return orders


SEES = {
    ("anon", ""): set(),
    ("anon", "alice"): set(),
    ("anon", "sam"): set(),
    ("authenticated", ""): set(),
    ("authenticated", "nobody"): set(),
    ("authenticated", "alice"): {"alice"},
    ("authenticated", "bob"): {"bob", "bob_noodles"},
    ("authenticated", "sam"): {"alice", "bob", "guest"},
    ("authenticated", "mia"): {"alice", "bob", "guest"},
    ("authenticated", "oona"): {"bob_noodles"},
    ("authenticated", "boss"): set(),
    ("service_role", ""): {"alice", "bob", "guest", "bob_noodles"},
    ("super_admin", "alice"): {"alice", "bob", "guest", "bob_noodles"},
}
"""Who (database role, user) sees which orders, with every other right left out."""


def become_person(conn: Connection, person: tuple[str, str]) -> None:
    role, user = person
    become(conn, role, **({"user_id": user} if user else {}))
