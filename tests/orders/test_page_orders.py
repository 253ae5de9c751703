"""Pages of orders: whole, stable, bound to their list."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.helpers import Connection, become, freeze_clock, raises, row
from tests.orders.people import Orders
from tests.orders.shop import VERSIONS, Shop, direct, routed


def _pages(db: Connection, payload: dict[str, Any], between: Any = None) -> list[list[int]]:
    pages: list[list[int]] = []
    cursor: dict[str, str] = {}
    while True:
        found = routed(db, "list_orders", "v2", payload | cursor)
        pages.append([o["order_id"] for o in found["orders"]])
        if found["next_cursor"] is None:
            return pages
        cursor = {"cursor": found["next_cursor"]}
        if between is not None:
            between()


def _many(db: Connection, shop: Shop, count: int, user: str = "alice") -> list[int]:
    """Orders of one user, two for each second, newest first."""
    become(db, "authenticated", user_id=user)
    made = []
    for number in range(count):
        freeze_clock(db, f"2026-01-01T12:00:{number // 2:02}.123456Z")
        order = direct(db, "place_order", "v2", shop.order(shop.line("soda")))
        made.append(order["order_id"])
    return made[::-1]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8, 100])
def test_pages_hold_each_order_once_newest_first(db: Connection, shop: Shop, limit: int) -> None:
    made = _many(db, shop, 7)
    pages = _pages(db, {"limit": limit})
    assert [order_id for page in pages for order_id in page] == made
    assert all(len(page) == limit for page in pages[:-1])
    assert pages[-1], "no empty last page"


def test_orders_made_meanwhile_move_nothing(db: Connection, shop: Shop) -> None:
    made = _many(db, shop, 6)

    def order_one_more() -> None:
        freeze_clock(db, "2026-01-01T13:00:00Z")
        direct(db, "place_order", "v2", shop.order(shop.line("soda")))

    pages = _pages(db, {"limit": 2}, order_one_more)
    assert [order_id for page in pages for order_id in page] == made


def test_no_order_no_page(db: Connection, shop: Shop) -> None:
    become(db, "authenticated", user_id="alice")
    assert routed(db, "list_orders", "v1", {}) == {"orders": [], "next_cursor": None}


def test_twenty_unless_told(db: Connection, shop: Shop) -> None:
    _many(db, shop, 21)
    assert [len(page) for page in _pages(db, {})] == [20, 1]


def test_filters_by_store_and_status(db: Connection, orders: Orders, shop: Shop) -> None:
    grill = {"store_id": shop.stores["grill"]}
    become(db, "authenticated", user_id="sam")
    direct(db, "update_order_status", "v1", {"order_id": orders.ids["bob"], "status": "confirmed"})
    assert _pages(db, grill | {"status": "confirmed"}) == [[orders.ids["bob"]]]
    assert _pages(db, grill | {"status": "ready"}) == [[]]
    assert _pages(db, {}) == [[]], "without a store staff get their own orders, as anyone"
    become(db, "authenticated", user_id="bob")
    assert _pages(db, grill) == [[orders.ids["bob"]]]
    assert _pages(db, {}) == [[orders.ids["bob_noodles"], orders.ids["bob"]]]
    become(db, "service_role")
    assert len(_pages(db, {})[0]) == 4
    assert len(_pages(db, grill)[0]) == 3


@pytest.mark.parametrize("limit", [0, -1, 101, 2**31 - 1])
def test_limit_has_bounds(db: Connection, shop: Shop, limit: int) -> None:
    become(db, "authenticated", user_id="alice")
    with raises(db, "KD004") as caught:
        direct(db, "list_orders", "v1", {"limit": limit})
    assert caught.detail["value"] == limit
    with raises(db, "KD105"):
        routed(db, "list_orders", "v1", {"limit": limit})


def _cursor(db: Connection, payload: dict[str, Any], version: str = "v2") -> str:
    found = direct(db, "list_orders", version, {"limit": 1, **payload})["next_cursor"]
    assert isinstance(found, str)
    return found


def test_a_cursor_is_good_for_its_list_only(db: Connection, shop: Shop) -> None:
    _many(db, shop, 3)
    grill = {"store_id": shop.stores["grill"]}
    cursor = _cursor(db, grill)
    others: list[tuple[str, dict[str, Any]]] = [
        ("v2", {}),
        ("v2", grill | {"status": "pending"}),
        ("v2", {"store_id": shop.stores["noodles"]}),
    ]
    for version, payload in others:
        with raises(db, "KD413") as caught:
            routed(db, "list_orders", version, payload | {"cursor": cursor})
        assert caught.detail == {"field": "cursor"}
    for user in ("bob", "sam"):
        become(db, "authenticated", user_id=user)
        with raises(db, "KD413"):
            routed(db, "list_orders", "v2", grill | {"cursor": cursor})
    become(db, "authenticated", user_id="alice")
    routed(db, "list_orders", "v2", grill | {"cursor": cursor, "limit": 100})


@pytest.mark.parametrize("version", ["v1", "v3"])
def test_a_list_goes_on_when_the_version_is_switched(
    db: Connection, shop: Shop, version: str
) -> None:
    made = _many(db, shop, 3)
    cursor = _cursor(db, {})
    rest = routed(db, "list_orders", version, {"cursor": cursor})["orders"]
    assert [order["order_id"] for order in rest] == made[1:]


def test_the_page_size_may_change_on_the_way(db: Connection, shop: Shop) -> None:
    made = _many(db, shop, 4)
    rest = routed(db, "list_orders", "v2", {"cursor": _cursor(db, {}), "limit": 100})
    assert [o["order_id"] for o in rest["orders"]] == made[1:]


def test_a_cursor_is_signed(db: Connection, shop: Shop) -> None:
    """As those of page_list, whose tests flip every byte; here, that the list checks it at all."""
    made = _many(db, shop, 3)
    good = _cursor(db, {})
    for at in range(0, len(good), 7):
        changed = good[:at] + ("A" if good[at] != "A" else "B") + good[at + 1 :]
        with raises(db, "KD413") as caught:
            direct(db, "list_orders", "v2", {"cursor": changed})
        assert caught.detail == {"field": "cursor"}
    rest = direct(db, "list_orders", "v2", {"cursor": good})["orders"]
    assert [order["order_id"] for order in rest] == made[1:]


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        *("", "x", "%%%", "AAAA", "é", "a b", "A" * 400, "AAAAA"),
        _encoded(b"\xff\xfe"),
        _encoded(b"{}") + "." + "A" * 43,
        _encoded(b'{"f":"0","t":1,"i":1}'),
        _encoded(b'{"s":"0","d":"next","v":["2026-01-01","1"]}') + "." + "A" * 43,
        _encoded(b"[" * 200),
    ],
)
def test_garbage_is_refused_cleanly(db: Connection, shop: Shop, cursor: str) -> None:
    become(db, "authenticated", user_id="alice")
    with raises(db, "KD413"):
        direct(db, "list_orders", "v3", {"cursor": cursor})


@pytest.mark.parametrize("at", ["1970-01-01T00:00:00.000001Z", "2286-11-20T17:46:39.999999Z"])
def test_cursor_keeps_microseconds(db: Connection, at: str) -> None:
    found = row(
        db,
        "select c.created_at = %s::timestamptz as same, c.id from dbkit._read_order_cursor("
        "dbkit._write_order_cursor('f', %s, 9223372036854775807), 'f') c",
        *(at, at),
    )
    assert found == {"same": True, "id": 2**63 - 1}


@pytest.mark.parametrize("version", VERSIONS)
def test_anonymous_callers_have_no_list(db: Connection, version: str) -> None:
    become(db, "anon", user_id="alice")
    with raises(db, "42501"):
        direct(db, "list_orders", version, {})
