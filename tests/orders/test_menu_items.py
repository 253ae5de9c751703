"""Table menu_items; who reads it is in test_stores."""

import pytest

from tests.helpers import Connection, raises
from tests.orders.shop import Shop


def test_an_item_stays_in_a_category_of_its_store(db: Connection, shop: Shop) -> None:
    with raises(db, "23503"):
        db.execute(
            "update dbkit.menu_items set category_id ="
            " (select id from dbkit.menu_categories where name = 'Bowls') where id = %s",
            [shop.items["soda"]],
        )


@pytest.mark.parametrize(("price", "sqlstate"), [("-0.01", "23514"), ("10000000000", "22003")])
def test_prices_have_bounds(db: Connection, shop: Shop, price: str, sqlstate: str) -> None:
    with raises(db, sqlstate):
        db.execute("update dbkit.menu_items set price = %s", [price])
