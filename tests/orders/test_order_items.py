"""Table order_items; who reads it is in test_orders."""

import psycopg
import pytest

from tests.helpers import Connection, one
from tests.orders.people import Orders
from tests.orders.shop import Shop


@pytest.mark.parametrize(
    "change",
    [
        "line_total = line_total + 0.01",
        "quantity = 0",
        "quantity = 1000",
        "unit_price = -1",
        "customizations = '{}'",
        "position = 0",
    ],
)
def test_rows_stay_sound(db: Connection, orders: Orders, change: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation), db.transaction():
        db.execute(f"update dbkit.order_items set {change}".encode())


def test_a_deleted_item_leaves_the_line(db: Connection, orders: Orders, shop: Shop) -> None:
    db.execute("delete from dbkit.menu_items where id = %s", [shop.items["soda"]])
    lines = "select array_agg(distinct name) from dbkit.order_items where menu_item_id is null"
    assert one(db, lines) == ["soda"]
