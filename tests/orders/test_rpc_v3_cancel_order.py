"""cancel_order v3: also the history."""

from tests.helpers import Connection, become
from tests.orders.conftest import Call
from tests.orders.people import Orders


def test_answers_the_history_with_the_reason(db: Connection, orders: Orders, call: Call) -> None:
    become(db, "anon")
    payload = {
        "order_id": orders.ids["guest"],
        "guest_token": orders.guest_token,
        "reason": "changed my mind 🙈",
    }
    made = call(db, "cancel_order", "v3", payload)
    assert made["history"][-1]["reason"] == "changed my mind 🙈"
    assert made["history"][-1]["actor"] == "customer"
