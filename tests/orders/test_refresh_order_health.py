"""dbkit.refresh_order_health: while it is read, one at a time, and it says so."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import psycopg
import pytest

from tests.healing.parts import stuck_orders
from tests.helpers import (
    TOMORROW,
    Connection,
    become,
    connect,
    freeze_clock,
    one,
    raises,
    row,
    unbecome,
)
from tests.orders.shop import Shop

REFRESH = "select dbkit.refresh_order_health()"
SUM = "select coalesce(sum(total_orders), 0) from dbkit.mv_order_health"


def test_brings_the_view_up_to_date_and_says_so(db: Connection, shop: Shop) -> None:
    freeze_clock(db, f"{TOMORROW}T12:00:00Z")
    stuck_orders(db, shop.stores["grill"], 4, "ready", 61)
    become(db, "service_role")
    assert one(db, SUM) == 0
    answer = one(db, REFRESH)
    assert (answer["refreshed"], answer["rows"]) == (True, 1)
    assert one(db, SUM) == 4
    kept = row(
        db,
        "select refreshed_at = dbkit.clock() as now, view_rows from dbkit.order_health_refreshes",
    )
    assert kept == {"now": True, "view_rows": 1}
    told = one(db, "select event_data from dbkit.runtime_metrics where event_type = 'performance'")
    assert (told["metric"], told["rows"]) == ("refresh_order_health", 1)


def test_a_reader_never_meets_an_empty_view(database: str, open_shop: Shop) -> None:
    """50 refreshes under a reader. A control that is not concurrent makes the reader wait."""
    with connect(database, autocommit=True) as conn:
        stuck_orders(conn, open_shop.stores["grill"], 40, "ready", 61)
        one(conn, REFRESH)
        stop = Event()

        def read() -> tuple[int, set[int]]:
            with connect(database, autocommit=True) as reader:
                reads, seen = 0, set[int]()
                while not stop.is_set():
                    seen.add(one(reader, SUM))
                    reads += 1
                return reads, seen

        with ThreadPoolExecutor(4) as pool:
            reading = [pool.submit(read) for _ in range(4)]
            for n in range(50):
                conn.execute(
                    "update dbkit.orders set status_changed_at = status_changed_at"
                    " - interval '1 minute' where id %% 2 = %s",
                    [n % 2],
                )
                assert one(conn, REFRESH)["refreshed"]
            stop.set()
            found = [r.result() for r in reading]
        assert min(reads for reads, _ in found) > 0
        assert set().union(*(seen for _, seen in found)) == {40}


def test_nobody_waits_for_a_refresh_but_does_for_a_plain_one(
    database: str, open_shop: Shop
) -> None:
    with connect(database) as refresher, connect(database, autocommit=True) as conn:
        conn.execute("set lock_timeout = '200ms'")
        stuck_orders(refresher, open_shop.stores["grill"], 3, "ready", 61)
        refresher.commit()
        one(refresher, REFRESH)  # its transaction is still open
        assert one(conn, SUM) == 0
        stuck_orders(conn, open_shop.stores["grill"], 1, "ready", 61)
        conn.execute("update dbkit.orders set customer_name = 'waits for nothing'")
        assert one(conn, REFRESH) == {
            "refreshed": False,
            "refreshed_at": None,
            "rows": None,
            "took_ms": None,
        }
        refresher.rollback()
        refresher.execute("refresh materialized view dbkit.mv_order_health")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            one(conn, SUM)


def test_a_view_without_rows_is_filled(db: Connection, shop: Shop) -> None:
    stuck_orders(db, shop.stores["grill"], 2, "ready", 61)
    db.execute("refresh materialized view dbkit.mv_order_health with no data")
    become(db, "service_role")
    assert one(db, REFRESH)["refreshed"]
    assert one(db, SUM) == 2


def test_needs_service_role(db: Connection) -> None:
    for role in ("anon", "authenticated"):
        become(db, role)
        with raises(db, "42501"):
            one(db, REFRESH)
        with raises(db, "42501"):
            one(db, SUM)
        unbecome(db)
