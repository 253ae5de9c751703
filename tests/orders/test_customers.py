"""A user reads their own row of customers, and no one else's."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.helpers import Connection, become, connect, one, raises, rows
from tests.orders.people import Orders
from tests.orders.shop import Shop, direct


@pytest.mark.parametrize(
    ("user", "sees"),
    [("alice", ["alice"]), ("bob", ["bob", "bob"]), ("sam", []), ("boss", []), ("nobody", [])],
)
def test_users_read_their_own(db: Connection, orders: Orders, user: str, sees: list[str]) -> None:
    """Bob has two: he ordered in two organizations."""
    become(db, "authenticated", user_id=user)
    assert [r["user_id"] for r in rows(db, "select user_id from dbkit.customers")] == sees


def test_without_a_user_there_is_nothing(db: Connection, orders: Orders) -> None:
    become(db, "authenticated")
    assert one(db, "select count(*) from dbkit.customers") == 0
    become(db, "anon", user_id="alice")
    with raises(db, "42501"):
        one(db, "select count(*) from dbkit.customers")


def test_first_orders_at_once_make_one_row(database: str, open_shop: Shop) -> None:
    def order(_: int) -> None:
        with connect(database) as conn:
            become(conn, "authenticated", user_id="new")
            direct(conn, "place_order", "v2", open_shop.order(open_shop.line("soda")))
            conn.commit()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(order, range(12)))
    with connect(database) as conn:
        assert one(conn, "select count(*) from dbkit.customers") == 1
        assert one(conn, "select count(distinct customer_id) from dbkit.orders") == 1
        assert one(conn, "select count(*) from dbkit.orders") == 12
