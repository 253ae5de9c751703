"""v1: one item, contact required, a short answer."""

from typing import Any

import pytest

from tests.helpers import Connection, become, raises
from tests.orders.conftest import Call
from tests.orders.shop import Shop, direct, routed


def _payload(shop: Shop, item: str = "soda", **more: Any) -> dict[str, Any]:
    return {
        "store_id": shop.stores["grill"],
        "item_id": shop.items[item],
        "quantity": 2,
        "customer_name": "Ann",
        "customer_phone": "555",
        **more,
    }


def test_answers_order_total_and_token(db: Connection, shop: Shop, call: Call) -> None:
    become(db, "anon")
    made = call(db, "place_order", "v1", _payload(shop))
    assert set(made) == {"order_id", "status", "total", "currency", "guest_token"}
    assert (made["status"], made["total"], made["currency"]) == ("pending", 5.09, "USD")


def test_orders_an_item_with_required_choices_by_its_defaults(
    db: Connection, shop: Shop, call: Call
) -> None:
    become(db, "anon")
    made = call(db, "place_order", "v1", _payload(shop, "burger"))
    assert made["total"] == 27.06  # 2 * 12.50, tax 2.0625


@pytest.mark.parametrize("missing", ["customer_name", "customer_phone"])
def test_a_guest_must_leave_a_contact(db: Connection, shop: Shop, missing: str) -> None:
    become(db, "anon")
    payload = _payload(shop)
    del payload[missing]
    with raises(db, "KD411") as caught:
        direct(db, "place_order", "v1", payload)
    assert caught.detail["field"] == missing.replace("customer_", "customer/")
    with raises(db, "KD105"):
        routed(db, "place_order", "v1", payload)


def test_ignores_a_price_and_the_router_refuses_it(db: Connection, shop: Shop) -> None:
    become(db, "anon")
    cheap = _payload(shop, price=0.01, total=0.01)
    assert direct(db, "place_order", "v1", cheap)["total"] == 5.09
    with raises(db, "KD105"):
        routed(db, "place_order", "v1", cheap)


def test_payload_of_another_version_is_refused(db: Connection, shop: Shop) -> None:
    become(db, "anon")
    with raises(db, "KD105"):
        routed(db, "place_order", "v1", shop.order(shop.line("soda")))
    with raises(db, "KD404"):
        direct(db, "place_order", "v1", shop.order(shop.line("soda")))
