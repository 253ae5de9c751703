"""update_order_status v3: the step and the history."""

from tests.helpers import Connection, become, raises
from tests.orders.conftest import Call
from tests.orders.people import Orders
from tests.orders.shop import routed


def test_answers_the_history(db: Connection, orders: Orders, call: Call) -> None:
    become(db, "authenticated", user_id="sam")
    payload = {"order_id": orders.ids["guest"], "status": "confirmed", "reason": "fresh"}
    made = call(db, "update_order_status", "v3", payload)
    assert [(h["to_status"], h["actor"], h["reason"]) for h in made["history"]] == [
        ("pending", "customer", None),
        ("confirmed", "staff", "fresh"),
    ]


def test_a_repeated_request_with_its_key_is_no_second_step(db: Connection, orders: Orders) -> None:
    become(db, "authenticated", user_id="sam")
    payload = {"order_id": orders.ids["guest"], "status": "confirmed", "idempotency_key": "once"}
    first = routed(db, "update_order_status", "v3", payload)
    assert routed(db, "update_order_status", "v3", payload) == first
    del payload["idempotency_key"]
    with raises(db, "KD412"):
        routed(db, "update_order_status", "v3", payload)
