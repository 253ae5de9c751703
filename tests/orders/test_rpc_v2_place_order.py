"""v2: many lines, customizations, and an answer with the lines as they were priced."""

import json

from tests.helpers import Connection, become, raises
from tests.orders.conftest import Call
from tests.orders.shop import Shop, routed


def test_answers_the_lines(db: Connection, shop: Shop, call: Call) -> None:
    become(db, "anon")
    order = shop.order(shop.line("burger", 1, "regular", "bacon"), shop.line("soda", 3))
    made = call(db, "place_order", "v2", order)
    assert set(made) == {"order_id", "status", "total", "currency", "items", "guest_token"}
    assert made["items"][0] == {
        "item_id": shop.items["burger"],
        "name": "burger",
        "customizations": [
            _chosen(shop, "size", "regular", 0),
            _chosen(shop, "extras", "bacon", 1.25),
        ],
        "unit_price": 13.75,
        "quantity": 1,
        "line_total": 13.75,
    }
    assert made["items"][1]["line_total"] == 7.05
    assert made["total"] == 22.52


def _chosen(shop: Shop, group: str, option: str, delta: float) -> dict[str, object]:
    return {
        "group_id": shop.groups[group],
        "group": group,
        "option_id": shop.options[option],
        "name": option,
        "price_delta": delta,
    }


def test_the_same_item_twice_stays_two_lines(db: Connection, shop: Shop, call: Call) -> None:
    become(db, "anon")
    made = call(db, "place_order", "v2", shop.order(shop.line("soda", 1), shop.line("soda", 2)))
    assert [i["quantity"] for i in made["items"]] == [1, 2]


def test_has_no_source_region_in_its_payload(db: Connection, shop: Shop) -> None:
    become(db, "anon")
    with raises(db, "KD105") as caught:
        routed(db, "place_order", "v2", shop.order(shop.line("soda"), source_region="us-east-1"))
    assert caught.detail["field"] == "source_region"


def test_serves_a_v3_payload_to_an_app_that_is_too_old_for_v3(db: Connection, shop: Shop) -> None:
    become(db, "anon", app_version="1.2.0")
    order = shop.order(shop.line("soda"))
    answer = db.execute(
        "select dbkit.route_api_call('place_order', %s::text::jsonb, 'v3') as answer",
        [json.dumps(order)],
    ).fetchone()
    assert answer is not None
    assert answer["answer"]["meta"]["version"] == "v2"
    assert answer["answer"]["meta"]["fallback"] is True
