"""Table order_status_history: append-only. Who reads it is in test_orders."""

import pytest

from tests.helpers import Connection, become, one, raises
from tests.orders.people import Orders


def test_every_order_starts_with_a_row(db: Connection, orders: Orders) -> None:
    assert one(
        db,
        "select count(*) from dbkit.orders o join dbkit.order_status_history h"
        " on h.order_id = o.id and h.from_status is null and h.to_status = 'pending'",
    ) == len(orders.ids)


@pytest.mark.parametrize("role", ["service_role", "super_admin"])
def test_nobody_rewrites_it(db: Connection, orders: Orders, role: str) -> None:
    become(db, role)
    for statement in (
        "update dbkit.order_status_history set reason = 'x'",
        "delete from dbkit.order_status_history",
        "truncate dbkit.order_status_history",
    ):
        with raises(db, "42501"):
            db.execute(statement.encode())
