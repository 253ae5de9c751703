"""Orders append their events in the transaction of the change."""

from __future__ import annotations

from tests.helpers import Connection, become, one, raises, rows, unbecome
from tests.orders.people import Orders
from tests.orders.shop import Shop, direct

CHANGE = "select dbkit._change_order_status(%s, %s, %s, %s)"
STREAM = (
    "select event_type, version, organization_id, actor_id, event_data from dbkit.event_store"
    " where aggregate_type = 'order' and aggregate_id = %s::text order by version"
)


def test_an_order_begins_a_stream_of_its_organization(
    db: Connection, orders: Orders, shop: Shop
) -> None:
    (event,) = rows(db, STREAM, orders.ids["alice"])
    assert (event["event_type"], event["version"]) == ("OrderPlaced", 1)
    assert (event["organization_id"], event["actor_id"]) == ("smoke", "alice")
    data = event["event_data"]
    assert (data["order_id"], data["store_id"]) == (orders.ids["alice"], shop.stores["grill"])
    assert data["status"] == "pending"
    assert [line["name"] for line in data["items"]] == ["soda"]
    total = one(db, "select total from dbkit.orders where id = %s", orders.ids["alice"])
    assert data["totals"]["total"] == float(total)
    (guest,) = rows(db, STREAM, orders.ids["guest"])
    assert guest["actor_id"] is None
    assert rows(db, STREAM, orders.ids["bob_noodles"])[0]["organization_id"] == "wok"


def test_no_contact_gets_into_the_events(db: Connection, orders: Orders) -> None:
    text = str(rows(db, "select * from dbkit.event_store"))
    assert "Öztürk" not in text
    assert "555-0100" not in text


def test_each_change_of_status_is_an_event(db: Connection, orders: Orders) -> None:
    become(db, "authenticated", user_id="sam")
    one(db, CHANGE, orders.ids["alice"], "confirmed", None, None)
    one(db, CHANGE, orders.ids["alice"], "cancelled", None, "no soda")
    unbecome(db)
    events = rows(db, STREAM, orders.ids["alice"])[1:]
    assert [e["event_type"] for e in events] == ["OrderStatusChanged"] * 2
    steps = [(e["event_data"]["from_status"], e["event_data"]["to_status"]) for e in events]
    assert steps == [("pending", "confirmed"), ("confirmed", "cancelled")]
    assert events[1]["event_data"]["reason"] == "no soda"
    assert {e["actor_id"] for e in events} == {"sam"}


def test_a_refused_change_leaves_no_event(db: Connection, orders: Orders) -> None:
    become(db, "authenticated", user_id="sam")
    with raises(db, "KD412"):
        one(db, CHANGE, orders.ids["alice"], "completed", None, None)
    unbecome(db)
    assert len(rows(db, STREAM, orders.ids["alice"])) == 1


def test_state_of_the_stream_is_the_order(db: Connection, orders: Orders) -> None:
    become(db, "authenticated", user_id="sam")
    one(db, CHANGE, orders.ids["alice"], "confirmed", None, None)
    become(db, "service_role", organization_id="smoke")
    state = one(db, "select dbkit.get_aggregate_state('order', %s)", str(orders.ids["alice"]))[
        "state"
    ]
    assert state["status"] == "confirmed"
    assert state["order_id"] == orders.ids["alice"]


def test_an_order_without_a_stream_is_imported_by_its_first_change(
    db: Connection, shop: Shop
) -> None:
    become(db, "service_role")
    order_id = one(
        db,
        "insert into dbkit.orders (organization_id, store_id, currency, tax_rate, subtotal, tax,"
        " total, api_version) values ('smoke', %s, 'USD', 0, 5, 0, 5, 'v1') returning id",
        shop.stores["grill"],
    )
    one(db, CHANGE, order_id, "confirmed", None, None)
    one(db, CHANGE, order_id, "preparing", None, None)
    unbecome(db)
    events = rows(db, STREAM, order_id)
    assert [e["event_type"] for e in events] == [
        "OrderImported",
        "OrderStatusChanged",
        "OrderStatusChanged",
    ]
    assert events[0]["event_data"]["status"] == "pending"


def test_customers_and_staff_neither_read_nor_write_the_streams(
    db: Connection, orders: Orders
) -> None:
    """Else every customer would read everybody's orders, whatever the policies of orders say."""
    order_id = str(orders.ids["alice"])
    for user in ("alice", "sam"):
        become(db, "authenticated", user_id=user, organization_id="smoke")
        assert rows(db, "select * from dbkit.event_store") == []
        assert rows(db, "select * from dbkit.events") == []
        assert rows(db, "select * from dbkit.event_streams") == []
        assert rows(db, "select * from dbkit.event_projections") == []
        assert rows(db, "select * from dbkit.get_events('order', %s)", order_id) == []
        with raises(db, "KD502"):
            one(db, "select dbkit.get_aggregate_state('order', %s)", order_id)
        with raises(db, "KD003"):
            one(db, "select dbkit.append_event('order', %s, 'OrderStatusChanged', '{}')", order_id)
        with raises(db, "KD003"):
            one(
                db,
                'select dbkit.append_events(\'order\', %s, \'[{"event_type": "A",'
                ' "event_data": {}}]\')',
                order_id,
            )
        with raises(db, "KD003"):
            one(db, "select dbkit.create_snapshot('order', %s)", order_id)
        unbecome(db)


def test_the_same_order_through_each_version_is_the_same_event(db: Connection, shop: Shop) -> None:
    become(db, "anon")
    payload: dict[str, object] = {"store_id": shop.stores["grill"], "item_id": shop.items["soda"]}
    payload |= {"quantity": 1, "customer_name": "Ann", "customer_phone": "555"}
    v1 = direct(db, "place_order", "v1", payload)
    v3 = direct(db, "place_order", "v3", shop.order(shop.line("soda")))
    unbecome(db)
    shapes = [sorted(rows(db, STREAM, made["order_id"])[0]["event_data"]) for made in (v1, v3)]
    assert shapes[0] == shapes[1]
