"""dbkit.get_todays_orders: a read model that the events of orders make."""

from __future__ import annotations

import datetime
from typing import Any

import psycopg

from tests.helpers import Connection, become, connect, freeze_clock, one, raises, rows
from tests.orders.people import place_all
from tests.orders.shop import Shop

TODAY = "select dbkit.get_todays_orders(%s)"
CHANGE = "select dbkit._change_order_status(%s, %s, %s, %s)"


def todays(url: str, store: int, day: str | None = None) -> Any:
    with connect(url) as conn:
        become(conn, "service_role")
        return one(conn, "select dbkit.get_todays_orders(%s, %s)", store, day)


def test_counts_and_sums_as_the_orders_do(database: str, open_shop: Shop) -> None:
    grill = open_shop.stores["grill"]
    with connect(database) as conn:
        orders = place_all(conn, open_shop)
        conn.commit()
        assert todays(database, grill)["by_status"] == {"pending": 3}
        become(conn, "authenticated", user_id="sam")
        one(conn, CHANGE, orders.ids["alice"], "confirmed", None, None)
        one(conn, CHANGE, orders.ids["bob"], "cancelled", None, None)
        conn.commit()
        expected = one(
            conn,
            "select sum(total) from dbkit.orders where store_id = %s and status <> 'cancelled'",
            grill,
        )
    found = todays(database, grill)
    assert (found["orders"], found["currency"]) == (3, "USD")
    assert {s: n for s, n in found["by_status"].items() if n} == {
        "pending": 1,
        "confirmed": 1,
        "cancelled": 1,
    }
    assert found["revenue"] == float(expected)
    assert todays(database, open_shop.stores["noodles"])["orders"] == 1


def test_a_rolled_back_order_counts_nowhere(database: str, open_shop: Shop) -> None:
    with connect(database) as conn:
        place_all(conn, open_shop)
        conn.rollback()
    assert todays(database, open_shop.stores["grill"])["orders"] == 0


def test_days_are_of_utc_and_begin_empty(database: str, open_shop: Shop) -> None:
    grill = open_shop.stores["grill"]
    with connect(database) as conn:
        conn.execute("set local timezone = 'Pacific/Auckland'")
        freeze_clock(conn, "2026-01-01T23:59:59Z")
        place_all(conn, open_shop)
        conn.commit()
    assert todays(database, grill, "2026-01-01")["orders"] == 3
    assert todays(database, grill, "2026-01-02")["orders"] == 0
    today = todays(database, grill)
    assert today["day"] == datetime.datetime.now(datetime.UTC).date().isoformat()
    assert (today["orders"], today["revenue"], today["by_status"]) == (0, 0, {})


def test_is_for_staff_of_the_store_and_the_service(db: Connection, shop: Shop) -> None:
    become(db, "authenticated", user_id="sam")
    assert one(db, TODAY, shop.stores["grill"])["orders"] == 0
    for user, store in (("sam", "noodles"), ("alice", "grill"), ("nobody", "grill")):
        become(db, "authenticated", user_id=user)
        with raises(db, "KD003"):
            one(db, TODAY, shop.stores[store])
    become(db, "service_role")
    with raises(db, "KD402"):
        one(db, TODAY, 0)
    become(db, "anon")
    with raises(db, "42501"):
        one(db, TODAY, shop.stores["grill"])


def test_is_what_a_replay_gives(database: str, open_shop: Shop) -> None:
    with connect(database, autocommit=True) as conn:
        for _ in range(3):
            place_all(conn, open_shop)
        todays(database, open_shop.stores["grill"])
        assert rows(conn, "select * from dbkit.verify_projection('todays_orders')") == []


def test_readers_at_once_do_not_fail(database: str, open_shop: Shop) -> None:
    with connect(database) as conn:
        place_all(conn, open_shop)
        conn.commit()
    with psycopg.connect(database) as first, connect(database) as second:
        first.execute("set local lock_timeout = '5s'")
        first.execute("select dbkit.get_todays_orders(%s)", [open_shop.stores["grill"]])
        first.commit()
        assert one(second, TODAY, open_shop.stores["grill"])["orders"] == 3
