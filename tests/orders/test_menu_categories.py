"""Table menu_categories; who reads it is in test_stores."""

from tests.helpers import Connection, raises
from tests.orders.shop import Shop


def test_a_name_is_once_in_a_store(db: Connection, shop: Shop) -> None:
    insert = "insert into dbkit.menu_categories (store_id, name) values (%s, 'Mains')"
    db.execute(insert.encode(), [shop.stores["noodles"]])
    with raises(db, "23505"):
        db.execute(insert.encode(), [shop.stores["grill"]])
