"""What follows an append: generated, so that it costs nothing where nothing is to be done."""

from __future__ import annotations

from typing import Any

from tests.events.projections import opened, place, register, stored
from tests.helpers import Connection, freeze_clock, one, rows

APPLIER = "app.orders_per_store(jsonb,dbkit.event_store)"


def configure(conn: Connection, **every: int | None) -> None:
    """Aggregate types with their threshold; None: without an applier. Straight into the table."""
    for aggregate_type, threshold in every.items():
        conn.execute(
            """insert into dbkit.event_aggregate_types (aggregate_type, applier_signature,
              snapshot_every, registered_at, registered_by)
            values (%s, %s, %s, now(), 'me')""",
            [aggregate_type, None if threshold is None else APPLIER, threshold or 100],
        )
    conn.execute(
        """update dbkit.event_aggregate_types set snapshot_every = 0 where aggregate_type = 'never';
        select dbkit._generate_after_append()"""
    )


def append(conn: Connection, aggregate_type: str, count: int = 1) -> None:
    conn.execute(
        """select dbkit.append_events(%s, '1', (select jsonb_agg(
          '{"event_type": "E", "event_data": {}}'::jsonb) from generate_series(1, %s)))""",
        [aggregate_type, count],
    )


def requests(conn: Connection) -> list[Any]:
    found = rows(
        conn,
        """select aggregate_type, requested_at from dbkit.event_snapshot_requests
        order by aggregate_type""",
    )
    return [r["aggregate_type"] for r in found]


def body(conn: Connection) -> str:
    return str(one(conn, "select prosrc from pg_proc where proname = '_after_append'"))


def test_nothing_registered_is_the_base_form(db: Connection) -> None:
    db.execute(
        """delete from dbkit.event_aggregate_types;
        delete from dbkit.event_projection_definitions;
        select dbkit._generate_after_append()"""
    )
    assert body(db).strip() == "select false"
    assert one(db, "select dbkit._inline_event_types()") == []


def test_a_snapshot_is_asked_for_at_each_multiple(database: str) -> None:
    with opened(database) as conn:
        configure(conn, purchase=3, cart=5, never=1, plain=None)
        for n in range(1, 10):
            conn.execute("select dbkit.append_event('purchase', '1', 'E', '{}')")
            assert requests(conn) == (["purchase"] if n % 3 == 0 else [])
            conn.execute("delete from dbkit.event_snapshot_requests")
        for aggregate_type in ("never", "plain", "unregistered"):
            append(conn, aggregate_type, 300)
        assert requests(conn) == []


def test_a_batch_that_passes_a_multiple_asks_once(database: str) -> None:
    with opened(database) as conn:
        configure(conn, cart=5)
        append(conn, "cart", 4)
        assert requests(conn) == []
        append(conn, "cart", 2)
        assert requests(conn) == ["cart"]
        append(conn, "cart", 20)
        assert requests(conn) == ["cart"]


def test_the_request_has_the_time_of_the_clock(db: Connection) -> None:
    configure(db, cart=5)
    freeze_clock(db, "2026-01-01T12:00:00Z")
    append(db, "cart", 5)
    at = one(db, "select requested_at at time zone 'UTC' from dbkit.event_snapshot_requests")
    assert at.isoformat() == "2026-01-01T12:00:00"


def test_inline_and_snapshots_together(database: str) -> None:
    with opened(database) as conn:
        configure(conn, purchase=2)
        register(conn, mode="inline", key=None)
        place(conn, "1", "a")
        assert requests(conn) == []
        place(conn, "1", "a")
        assert requests(conn) == ["purchase"]
        assert stored(conn) == {("default", "1"): {"orders": 2, "cents": 200}}
        append(conn, "purchase", 3)
        assert stored(conn) == {("default", "1"): {"orders": 2, "cents": 200}}


def test_types_with_quotes_in_their_names(database: str) -> None:
    with opened(database) as conn:
        configure(conn, **{"o'rder$$": 1})
        register(conn, mode="inline", key=None, types=("Order'Placed{,}\"", "a\\b"))
        append(conn, "o'rder$$")
        assert requests(conn) == ["o'rder$$"]
        place(conn, "1", "a", event_type="Order'Placed{,}\"")
        place(conn, "1", "a", event_type="a\\b")
        assert stored(conn)["default", "1"]["cents"] == 200


def test_is_one_expression_that_the_planner_inlines(database: str) -> None:
    with opened(database) as conn:
        configure(conn, purchase=100, cart=7)
        register(conn, mode="inline")
        plan = rows(
            conn,
            """explain (verbose, costs off)
            select dbkit._after_append(a, b, c, d, e, e)
            from (select 'o'::text, 'purchase'::text, '1'::text, 'E'::text, 5::bigint offset 0)
              x (a, b, c, d, e)""",
        )
        text = " ".join(str(line["QUERY PLAN"]) for line in plan)
        assert "_after_append(" not in text
        assert "_after_append_hooks(" in text


def test_an_append_for_which_nothing_is_due_calls_nothing(database: str) -> None:
    with opened(database) as conn:
        configure(conn, purchase=100)
        register(conn, mode="inline")
        conn.execute("set track_functions = 'all'")
        place(conn, "1", "a", event_type="OrderViewed")
        conn.execute("select pg_stat_force_next_flush()")
        with conn.transaction():
            for _ in range(20):
                place(conn, "1", "a", event_type="OrderViewed")
            called = """select coalesce(sum(calls), 0) from pg_stat_xact_user_functions
              where funcname in ('_after_append', '_after_append_hooks')"""
            assert one(conn, called) == 0
            place(conn, "1", "a")
            assert one(conn, called) == 1
