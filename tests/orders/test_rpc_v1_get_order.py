"""get_order v1; who reads which order is in test_orders."""

import uuid

import pytest

from tests.helpers import Connection, become, raises
from tests.orders.conftest import Call
from tests.orders.people import Orders
from tests.orders.shop import VERSIONS


def test_answers_status_and_total(db: Connection, orders: Orders, call: Call) -> None:
    become(db, "authenticated", user_id="alice")
    found = call(db, "get_order", "v1", {"order_id": orders.ids["alice"]})
    assert set(found) == {"order_id", "status", "total", "currency", "created_at"}
    assert (found["status"], found["total"], found["currency"]) == ("pending", 2.54, "USD")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_a_guest_reads_with_the_token_and_only_with_it(
    db: Connection, orders: Orders, call: Call, version: str, role: str
) -> None:
    become(db, role)
    order_id = orders.ids["guest"]
    payload = {"order_id": order_id, "guest_token": orders.guest_token}
    assert call(db, "get_order", version, payload)["order_id"] == order_id
    answers = []
    for wrong in (
        {"order_id": order_id},
        {"order_id": order_id, "guest_token": str(uuid.uuid4())},
        {"order_id": orders.ids["alice"], "guest_token": orders.guest_token},
        {"order_id": 2**62, "guest_token": orders.guest_token},
    ):
        with raises(db, "KD401") as caught:
            call(db, "get_order", version, wrong)
        shown = caught.message.replace(str(wrong["order_id"]), "N")
        answers.append((shown, caught.hint, sorted(caught.detail)))
    assert len(set(map(str, answers))) == 1, "no answer tells why"


@pytest.mark.parametrize("version", VERSIONS)
def test_own_orders_are_read_whatever_token_comes_along(
    db: Connection, orders: Orders, call: Call, version: str
) -> None:
    become(db, "authenticated", user_id="alice")
    payload = {"order_id": orders.ids["alice"], "guest_token": str(uuid.uuid4())}
    assert call(db, "get_order", version, payload)["order_id"] == orders.ids["alice"]
