"""cancel_order v1, which also serves v2."""

import uuid

import pytest

from tests.helpers import Connection, become, raises
from tests.orders.conftest import Call
from tests.orders.people import Orders


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_customers_cancel_their_own(
    db: Connection, orders: Orders, call: Call, version: str
) -> None:
    become(db, "authenticated", user_id="alice")
    made = call(db, "cancel_order", version, {"order_id": orders.ids["alice"]})
    assert set(made) == {"order_id", "previous_status", "status", "status_changed_at"}
    assert made["status"] == "cancelled"
    with raises(db, "KD401"):
        call(db, "cancel_order", version, {"order_id": orders.ids["bob"]})


def test_a_guest_cancels_with_the_token_and_only_with_it(
    db: Connection, orders: Orders, call: Call
) -> None:
    become(db, "anon")
    payload = {"order_id": orders.ids["guest"]}
    with raises(db, "KD401"):
        call(db, "cancel_order", "v1", payload)
    with raises(db, "KD401"):
        call(db, "cancel_order", "v1", payload | {"guest_token": str(uuid.uuid4())})
    with raises(db, "KD401"):
        other = {"order_id": orders.ids["alice"], "guest_token": orders.guest_token}
        call(db, "cancel_order", "v1", other)
    made = call(db, "cancel_order", "v1", payload | {"guest_token": orders.guest_token.upper()})
    assert made["status"] == "cancelled"


def test_staff_cancel_before_preparation(db: Connection, orders: Orders, call: Call) -> None:
    become(db, "authenticated", user_id="sam")
    assert call(db, "cancel_order", "v1", {"order_id": orders.ids["bob"]})["status"] == "cancelled"
