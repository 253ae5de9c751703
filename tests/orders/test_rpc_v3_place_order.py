"""v3: region, totals taken apart, and one order for one idempotency key."""

import pytest

from tests.helpers import Connection, become, one, raises, unbecome
from tests.orders.conftest import Call
from tests.orders.shop import Shop, direct, routed


def test_answers_totals_and_region(db: Connection, shop: Shop, call: Call) -> None:
    become(db, "anon")
    made = call(
        db, "place_order", "v3", shop.order(shop.line("soda", 2), source_region="eu-west-1")
    )
    assert made["totals"] == {
        "subtotal": 4.7,
        "tax_rate": 0.0825,
        "tax": 0.39,
        "total": 5.09,
        "currency": "USD",
    }
    assert made["source_region"] == "eu-west-1"
    assert set(made) == {
        *("order_id", "status", "items", "totals", "source_region", "created_at", "guest_token")
    }


def test_takes_the_region_of_the_request(db: Connection, shop: Shop, call: Call) -> None:
    become(db, "anon", region="ap-southeast-1")
    order = shop.order(shop.line("soda"))
    assert call(db, "place_order", "v3", order)["source_region"] == "ap-southeast-1"
    order["source_region"] = "us-west-2"
    assert call(db, "place_order", "v3", order)["source_region"] == "us-west-2"


def test_unknown_region_in_a_header_does_not_refuse_the_order(
    db: Connection, shop: Shop, call: Call
) -> None:
    become(db, "anon", region="mars-1")
    assert call(db, "place_order", "v3", shop.order(shop.line("soda")))["source_region"] is None


@pytest.mark.parametrize("region", ["mars-1", "x" * 63, "US-EAST-1"])
def test_unknown_region_in_the_payload_is_an_error(
    db: Connection, shop: Shop, call: Call, region: str
) -> None:
    become(db, "anon", region="us-east-1")
    with raises(db, "KD414") as caught:
        call(db, "place_order", "v3", shop.order(shop.line("soda"), source_region=region))
    assert caught.detail == {"field": "source_region", "source_region": region}


def test_one_key_makes_one_order(db: Connection, shop: Shop) -> None:
    become(db, "authenticated", user_id="alice")
    order = shop.order(shop.line("soda"), idempotency_key="k1")
    first = routed(db, "place_order", "v3", order)
    assert routed(db, "place_order", "v3", order) == first
    with raises(db, "KD110"):
        routed(db, "place_order", "v3", order | {"items": [shop.line("soda", 2)]})
    unbecome(db)
    assert one(db, "select count(*) from dbkit.orders") == 1


def test_the_handler_itself_knows_no_keys(db: Connection, shop: Shop) -> None:
    become(db, "anon")
    order = shop.order(shop.line("soda"), idempotency_key="k1")
    ids = {direct(db, "place_order", "v3", order)["order_id"] for _ in range(2)}
    assert len(ids) == 2
