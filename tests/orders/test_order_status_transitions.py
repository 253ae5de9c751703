"""The table of allowed steps, and that it is what decides."""

import psycopg
import pytest

from tests.helpers import Connection, become, one, raises, rows
from tests.orders.people import Orders
from tests.orders.shop import direct

STATUSES = {"pending", "confirmed", "preparing", "ready", "completed", "cancelled"}


def test_completed_and_cancelled_are_final(db: Connection) -> None:
    found = rows(db, "select distinct from_status as s from dbkit.order_status_transitions")
    assert {r["s"] for r in found} == STATUSES - {"completed", "cancelled"}


def test_customers_only_cancel_and_only_before_preparation(db: Connection) -> None:
    found = rows(
        db,
        "select from_status, to_status from dbkit.order_status_transitions"
        " where actor = 'customer'",
    )
    assert {tuple(r.values()) for r in found} == {
        ("pending", "cancelled"),
        ("confirmed", "cancelled"),
    }


def test_the_service_may_all_that_anyone_may(db: Connection) -> None:
    assert (
        one(
            db,
            "select count(*) from dbkit.order_status_transitions t where not exists (select from"
            " dbkit.order_status_transitions s where s.actor = 'service'"
            " and (s.from_status, s.to_status) = (t.from_status, t.to_status))",
        )
        == 0
    )


def test_a_row_more_allows_a_step_more(db: Connection, orders: Orders) -> None:
    payload = {"order_id": orders.ids["alice"], "status": "ready"}
    become(db, "authenticated", user_id="sam")
    with raises(db, "KD412"):
        direct(db, "update_order_status", "v1", payload)
    with raises(db, "42501"):
        db.execute(
            "insert into dbkit.order_status_transitions values ('pending', 'ready', 'staff')"
        )
    become(db, "super_admin")
    db.execute("insert into dbkit.order_status_transitions values ('pending', 'ready', 'staff')")
    become(db, "authenticated", user_id="sam")
    assert direct(db, "update_order_status", "v1", payload)["status"] == "ready"


@pytest.mark.parametrize(
    "values",
    [
        "('pending', 'pending', 'staff')",
        "('pending', 'eaten', 'staff')",
        "('ready', 'pending', 'x')",
    ],
)
def test_rows_stay_sound(db: Connection, values: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation), db.transaction():
        db.execute(f"insert into dbkit.order_status_transitions values {values}".encode())
