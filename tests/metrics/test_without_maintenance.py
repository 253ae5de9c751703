"""Recording where nobody has made partitions for weeks: the missing day is made on the spot."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier

import psycopg
import pytest

from tests.helpers import Connection, become, connect, freeze_clock, one, raises, unbecome
from tests.metrics.parts import RECORD, drop_days, ingest, page, record

COUNT = "select count(*) from dbkit.runtime_metrics"
RUNWAY = """select (dbkit._metric_runway() at time zone 'UTC')::date
  - (clock_timestamp() at time zone 'UTC')::date"""
WRITERS = 8


def test_control_the_table_has_no_room_for_today(db: Connection) -> None:
    drop_days(db)
    with pytest.raises(psycopg.errors.CheckViolation):
        db.execute("insert into dbkit.runtime_metrics (event_type) values ('error')")


def test_the_service_records_by_the_quick_way(db: Connection) -> None:
    drop_days(db)
    become(db, "service_role")
    assert record(db, "error") > 0
    assert record(db, "error") > 0
    unbecome(db)
    assert one(db, COUNT) == 2


def runway_days(conn: Connection) -> int:
    """For how many days from today record_metric looks at no partition."""
    found: int = one(conn, RUNWAY)
    return found


def test_the_quick_way_knows_of_the_days_that_are_made(db: Connection) -> None:
    assert runway_days(db) in (14, 15), "one less if a night has passed"
    drop_days(db)
    assert one(db, "select dbkit._metric_runway()::text") == "-infinity"
    record(db, "error")
    assert runway_days(db) == 2
    one(db, "select dbkit.ensure_metric_partitions()")
    assert runway_days(db) == 15


def test_the_date_style_is_no_matter(db: Connection) -> None:
    drop_days(db)
    db.execute("set local datestyle to 'German, DMY'")
    one(db, "select dbkit.ensure_metric_partitions()")
    db.execute("set local datestyle to 'SQL, MDY'")
    assert runway_days(db) == 15


def test_the_quick_way_finds_days_that_were_made_by_hand(db: Connection) -> None:
    drop_days(db)
    one(db, "select dbkit.ensure_day_partitions('dbkit.runtime_metrics', 3)")
    assert one(db, "select dbkit._metric_runway()::text") == "-infinity"
    record(db, "error")
    assert runway_days(db) == 4


def test_an_account_records(db: Connection) -> None:
    drop_days(db)
    become(db, "authenticated", user_id="u1")
    assert record(db, "page_view") > 0


def test_anybody_sends_a_batch(db: Connection) -> None:
    drop_days(db)
    become(db, "anon")
    now = datetime.now(UTC).isoformat()
    sent = ingest(db, page(), page() | {"created_at": now})
    assert sent == {"accepted": 2, "dropped": 0, "reasons": {}}


def test_a_time_of_today_is_taken_and_one_of_another_day_is_not(db: Connection) -> None:
    drop_days(db)
    freeze_clock(db, "2031-03-01T12:00:00Z")
    assert one(db, RECORD, "error", "{}", None, "2031-03-01T00:00:00Z") > 0
    with raises(db, "KD701"):
        one(db, RECORD, "error", "{}", None, "2031-02-28T23:59:59Z")


def test_the_health_of_orders_is_refreshed(db: Connection) -> None:
    drop_days(db)
    become(db, "service_role")
    one(db, "select dbkit.refresh_order_health()")


def test_many_at_once(database: str) -> None:
    """Each is recorded, and none waits for another for ever."""
    with connect(database) as conn:
        drop_days(conn)
    together = Barrier(WRITERS)

    def write(number: int) -> None:
        with connect(database) as conn:
            if number % 2:
                conn.execute("set role service_role")
            together.wait(30)
            for _ in range(5):
                with conn.transaction():
                    ingest(conn, page())
                    record(conn, "error")

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))
    with connect(database) as conn:
        assert one(conn, COUNT) == WRITERS * 5 * 2
