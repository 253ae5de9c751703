"""_place_order: prices come from the menu, every version feeds it, nobody else writes orders."""

import json
from decimal import Decimal
from typing import Any

import pytest

from tests.helpers import Connection, become, one, raises, row, rows, unbecome
from tests.orders.conftest import Call
from tests.orders.shop import VERSIONS, Shop, direct, routed

HIDDEN = ("id", "order_id", "created_at", "status_changed_at", "changed_at", "guest_token_hash")


def place(db: Connection, order: dict[str, Any]) -> dict[str, Any]:
    order = {"api_version": "v3", **order}
    made: dict[str, Any] = one(db, "select dbkit._place_order(%s)", json.dumps(order))
    return made


def test_prices_from_the_menu_with_customizations(db: Connection, shop: Shop) -> None:
    become(db, "anon")
    made = place(
        db,
        shop.order(
            shop.line("burger", 3, "large", "shake", "cheese", "no bun"), shop.line("soda", 2)
        ),
    )
    burger, soda = made["items"]
    assert burger["unit_price"] == 15.85  # 12.50 + 2.00 + 1.10 + 0.75 - 0.50
    assert burger["line_total"] == 47.55
    assert soda["line_total"] == 4.7
    assert made["totals"] == {
        "subtotal": 52.25,
        "tax_rate": 0.0825,
        "tax": 4.31,
        "total": 56.56,
        "currency": "USD",
    }
    assert [c["name"] for c in burger["customizations"]] == ["large", "cheese", "no bun", "shake"]


def test_prices_in_the_payload_are_not_looked_at(db: Connection, shop: Shop) -> None:
    become(db, "anon")
    line = shop.line("soda") | {"price": 0, "unit_price": 0.01, "line_total": 0}
    order = shop.order(line, total=0, subtotal=0, tax=0, tax_rate=0, currency="XXX")
    for version in ("v2", "v3"):
        made = direct(db, "place_order", version, order)
        unbecome(db)
        stored = row(
            db,
            "select subtotal, tax, total, currency from dbkit.orders where id = %s",
            made["order_id"],
        )
        assert list(stored.values()) == [Decimal("2.35"), Decimal("0.19"), Decimal("2.54"), "USD"]
        become(db, "anon")
        with raises(db, "KD105"):
            routed(db, "place_order", version, order)


@pytest.mark.parametrize(
    ("rate", "quantity", "tax"),
    [
        ("0", 1, "0.00"),
        ("0.1", 1, "0.24"),  # 0.235 goes up
        ("0.1", 3, "0.71"),  # 0.705 goes up: once an order; three lines of 0.24 would be 0.72
        ("0.00213", 1, "0.01"),  # 0.0050055
        ("0.00212", 1, "0.00"),  # 0.004982
        ("0.99999", 999, "2347.63"),
    ],
)
def test_tax_is_rounded_half_up_once(
    db: Connection, shop: Shop, rate: str, quantity: int, tax: str
) -> None:
    db.execute("update dbkit.stores set tax_rate = %s where id = %s", [rate, shop.stores["grill"]])
    become(db, "anon")
    lines = [shop.line("soda")] * 3 if quantity == 3 else [shop.line("soda", quantity)]
    made = place(db, shop.order(*lines))
    assert Decimal(str(made["totals"]["tax"])) == Decimal(tax)


def test_unit_price_never_falls_below_zero(db: Connection, shop: Shop) -> None:
    db.execute(
        "update dbkit.menu_item_customizations set price_delta = -100 where id = %s",
        [shop.options["no bun"]],
    )
    become(db, "anon")
    made = place(db, shop.order(shop.line("burger", 2, "regular", "no bun")))
    assert made["items"][0]["unit_price"] == 0
    assert made["totals"]["total"] == 0


def test_amounts_up_to_the_column_fit_and_larger_are_refused(db: Connection, shop: Shop) -> None:
    db.execute(
        "update dbkit.menu_items set price = 9999999999.99 where id = %s", [shop.items["ramen"]]
    )
    db.execute("update dbkit.stores set tax_rate = 0 where id = %s", [shop.stores["noodles"]])
    become(db, "anon")
    made = place(db, shop.order(shop.line("ramen"), store="noodles"))
    assert made["totals"]["total"] == 9999999999.99
    with raises(db, "KD416"):
        place(db, shop.order(shop.line("ramen", 2), store="noodles"))
    with raises(db, "KD416"):
        place(db, shop.order(*[shop.line("ramen", 999)] * 100, store="noodles"))


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_same_order_is_the_same_in_the_tables_whatever_the_version(
    db: Connection, shop: Shop, call: Call, role: str
) -> None:
    become(db, role, user_id="alice", region="eu-west-1")
    line = {"item_id": shop.items["burger"], "quantity": 2}
    v2 = shop.order(line)
    v1: dict[str, Any] = {"store_id": shop.stores["grill"], **line}
    v1 |= {"customer_name": "Gül Öztürk", "customer_phone": "555-0100"}
    payloads = {"v1": v1, "v2": v2, "v3": v2 | {"source_region": "us-west-2"}}
    ids = [call(db, "place_order", v, payloads[v])["order_id"] for v in VERSIONS]
    unbecome(db)
    for table, key in [
        ("orders", "id"),
        ("order_items", "order_id"),
        ("order_status_history", "order_id"),
    ]:
        shapes = [_shapes(db, table, key, order_id) for order_id in ids]
        assert shapes[0] == shapes[1] == shapes[2]
        assert shapes[0]
    stored = rows(
        db,
        "select api_version, source_region, guest_token_hash is null as no_token"
        " from dbkit.orders where id = any(%s) order by id",
        ids,
    )
    assert [list(s.values()) for s in stored] == [
        ["v1", "eu-west-1", role == "authenticated"],
        ["v2", "eu-west-1", role == "authenticated"],
        ["v3", "us-west-2", role == "authenticated"],
    ]


def _shapes(db: Connection, table: str, key: str, order_id: int) -> list[dict[str, Any]]:
    hidden = (*HIDDEN, "api_version", "source_region")
    return [
        {name: value for name, value in found.items() if name not in hidden}
        for found in rows(db, f"select * from dbkit.{table} where {key} = %s order by id", order_id)
    ]


def test_line_without_customizations_takes_the_defaults(db: Connection, shop: Shop) -> None:
    become(db, "anon")
    made = place(db, shop.order({"item_id": shop.items["burger"], "quantity": 1}))
    assert [c["name"] for c in made["items"][0]["customizations"]] == ["regular"]


def test_refuses_stores_that_take_no_orders(db: Connection, shop: Shop) -> None:
    become(db, "anon")
    with raises(db, "KD403") as caught:
        place(db, shop.order(shop.line("fries"), store="night"))
    assert caught.detail["store_id"] == shop.stores["night"]
    with raises(db, "KD402"):
        place(db, shop.order(shop.line("relic"), store="gone"))
    with raises(db, "KD402"):
        place(db, {"items": [shop.line("soda")]})


@pytest.mark.parametrize(
    ("item", "sqlstate"),
    [
        ("ramen", "KD405"),
        ("relic", "KD404"),
        ("retired", "KD404"),
        ("punch", "KD404"),
        ("soup", "KD406"),
    ],
)
def test_refuses_what_the_store_does_not_sell(
    db: Connection, shop: Shop, item: str, sqlstate: str
) -> None:
    become(db, "anon")
    with raises(db, sqlstate) as caught:
        place(db, shop.order(shop.line("soda"), shop.line(item)))
    assert caught.detail["field"] == "items/1/item_id"
    assert caught.detail["item_id"] == shop.items[item]
    assert caught.hint


@pytest.mark.parametrize("quantity", [0, -1, 1000, 2**40, None])
def test_refuses_quantities_out_of_bounds(db: Connection, shop: Shop, quantity: int | None) -> None:
    become(db, "anon")
    order = shop.order({"item_id": shop.items["soda"], "quantity": quantity})
    with raises(db, "KD410") as caught:
        place(db, order)
    assert caught.detail["field"] == "items/0/quantity"
    with raises(db, "KD105"):
        routed(db, "place_order", "v3", order)


@pytest.mark.parametrize("quantity", [1, 999])
def test_takes_quantities_at_the_bounds(db: Connection, shop: Shop, quantity: int) -> None:
    become(db, "anon")
    made = routed(db, "place_order", "v3", shop.order(shop.line("soda", quantity)))
    assert made["items"][0]["quantity"] == quantity


@pytest.mark.parametrize("quantity", [1.5, "two", True, {}, "1e3"])
def test_a_quantity_that_is_no_whole_number_is_a_data_error(
    db: Connection, shop: Shop, quantity: object
) -> None:
    become(db, "anon")
    with raises(db, "22P02"):
        place(db, shop.order({"item_id": shop.items["soda"], "quantity": quantity}))


@pytest.mark.parametrize("items", [None, [], {}, "x", [1], [[]], [None], [{"item_id": 1}] * 101])
def test_refuses_orders_without_proper_lines(db: Connection, shop: Shop, items: object) -> None:
    become(db, "anon")
    with raises(db, "KD415"):
        place(db, {"store_id": shop.stores["grill"], "items": items})


def test_a_refused_order_leaves_nothing(db: Connection, shop: Shop) -> None:
    become(db, "authenticated", user_id="alice")
    with raises(db, "KD406"):
        place(db, shop.order(shop.line("soda"), shop.line("soup")))
    unbecome(db)
    for table in ("orders", "order_items", "order_status_history", "customers"):
        assert one(db, f"select count(*) from dbkit.{table}") == 0


def test_a_guest_gets_a_token_of_which_only_the_hash_is_kept(db: Connection, shop: Shop) -> None:
    become(db, "anon", user_id="alice")
    made = place(db, shop.order(shop.line("soda")))
    again = place(db, shop.order(shop.line("soda")))
    assert made["guest_token"] != again["guest_token"]
    unbecome(db)
    stored = row(db, "select * from dbkit.orders where id = %s", made["order_id"])
    assert made["guest_token"] not in str(stored)
    assert stored["guest_token_hash"] == one(
        db, "select sha256(convert_to(%s, 'UTF8'))", made["guest_token"]
    )
    assert stored["user_id"] is None, "an anonymous caller cannot order in another's name"
    assert stored["customer_id"] is None


def test_a_user_orders_on_their_account(db: Connection, shop: Shop) -> None:
    become(db, "authenticated", user_id="alice")
    first = place(db, shop.order(shop.line("soda")))
    friend = {"name": "Friend", "email": "friend@example.org"}
    second = place(db, shop.order(shop.line("soda")) | {"customer": friend})
    third = place(db, {"store_id": shop.stores["grill"], "items": [shop.line("soda")]})
    assert first["guest_token"] is second["guest_token"] is third["guest_token"] is None
    assert second["customer"] == friend | {"phone": "555-0100"}
    assert third["customer"] == first["customer"]
    unbecome(db)
    account = row(db, "select * from dbkit.customers")
    assert [account["user_id"], account["organization_id"]] == ["alice", "smoke"]
    assert account["name"] == "Gül Öztürk", "an order for a friend leaves the account as it is"


def test_the_service_orders_for_a_guest(db: Connection, shop: Shop) -> None:
    become(db, "service_role")
    made = place(db, shop.order(shop.line("soda")))
    assert made["guest_token"] is not None
    assert made["history"][0]["actor"] == "service"


def test_later_changes_of_the_menu_leave_the_order_alone(db: Connection, shop: Shop) -> None:
    become(db, "authenticated", user_id="alice")
    before = place(db, shop.order(shop.line("burger", 1, "regular", "cheese")))
    unbecome(db)
    db.execute("update dbkit.menu_items set price = 99, name = 'other'")
    db.execute("update dbkit.menu_item_customizations set name = 'x' || id")
    db.execute("update dbkit.stores set currency = 'EUR', tax_rate = 0.5")
    become(db, "authenticated", user_id="alice")
    after = direct(db, "get_order", "v3", {"order_id": before["order_id"]})
    assert after == {k: v for k, v in before.items() if k != "guest_token"}


def test_keeps_unicode(db: Connection, shop: Shop, call: Call) -> None:
    become(db, "authenticated", user_id="Łukasz-安娜")
    name = "Анна-Мария 'Ñ' \"安娜\" 🍜"
    order = shop.order(shop.line("soda")) | {"customer": {"name": name, "email": "ü@例え.jp"}}
    made = call(db, "place_order", "v3", order)
    found = call(db, "get_order", "v3", {"order_id": made["order_id"]})
    assert found["customer"] == {"name": name, "phone": None, "email": "ü@例え.jp"}


def test_direct_call_may_not_invent_a_version(db: Connection, shop: Shop) -> None:
    become(db, "anon")
    for version in ("beta", "", None):
        with raises(db, "23502" if version is None else "23514"):
            place(db, shop.order(shop.line("soda")) | {"api_version": version})
