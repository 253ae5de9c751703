"""update_order_status v1, which also serves v2."""

import pytest

from tests.helpers import Connection, become, one, raises
from tests.orders.conftest import Call
from tests.orders.people import Orders
from tests.orders.shop import routed


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_answers_the_step(db: Connection, orders: Orders, call: Call, version: str) -> None:
    become(db, "authenticated", user_id="sam")
    payload = {"order_id": orders.ids["bob"], "status": "confirmed", "reason": "ok"}
    made = call(db, "update_order_status", version, payload)
    assert set(made) == {"order_id", "previous_status", "status", "status_changed_at"}
    assert (made["previous_status"], made["status"]) == ("pending", "confirmed")
    assert (
        one(db, "select status from dbkit.orders where id = %s", orders.ids["bob"]) == "confirmed"
    )


def test_router_refuses_a_status_that_does_not_exist(db: Connection, orders: Orders) -> None:
    become(db, "authenticated", user_id="sam")
    with raises(db, "KD105") as caught:
        routed(db, "update_order_status", "v1", {"order_id": orders.ids["bob"], "status": "eaten"})
    assert caught.detail["field"] == "status"


def test_staff_of_another_store_see_no_such_order(
    db: Connection, orders: Orders, call: Call
) -> None:
    become(db, "authenticated", user_id="oona")
    with raises(db, "KD401"):
        call(
            db, "update_order_status", "v1", {"order_id": orders.ids["bob"], "status": "confirmed"}
        )


def test_a_guest_token_does_not_move_an_order_on(db: Connection, orders: Orders) -> None:
    become(db, "authenticated", user_id="nobody")
    payload = {"order_id": orders.ids["guest"], "status": "cancelled"}
    with raises(db, "KD105"):
        routed(db, "update_order_status", "v1", payload | {"guest_token": orders.guest_token})
    with raises(db, "KD401"):
        routed(db, "update_order_status", "v1", payload)
