"""dbkit.auto_heal_stuck_orders: the restaurant's two rules, by many at once and against people."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from tests.api.conftest import in_parallel, wait_until
from tests.healing.parts import (
    HEAL,
    PREVIEW,
    UNDO,
    events,
    ledger,
    never_trips,
    order,
    statuses,
    stuck_orders,
)
from tests.helpers import (
    TOMORROW,
    Connection,
    become,
    connect,
    freeze_clock,
    one,
    raises,
    row,
    rows,
    unbecome,
)

NOW = f"{TOMORROW}T12:00:00Z"


@pytest.mark.parametrize(
    ("status", "minutes", "becomes"),
    [
        ("preparing", 45, "preparing"),
        ("preparing", 45.02, "ready"),
        ("ready", 120, "ready"),
        ("ready", 120.02, "completed"),
        ("pending", 6000, "pending"),
        ("confirmed", 6000, "confirmed"),
        ("completed", 6000, "completed"),
        ("cancelled", 6000, "cancelled"),
    ],
)
def test_who_is_stuck_and_what_becomes_of_them(
    db: Connection, grill: int, status: str, minutes: float, becomes: str
) -> None:
    freeze_clock(db, NOW)
    (stuck,) = stuck_orders(db, grill, 1, status, minutes)
    become(db, "service_role")
    assert one(db, HEAL)["healed"] == int(status != becomes)
    assert order(db, stuck)["status"] == becomes


def test_an_order_is_not_moved_twice_at_once(db: Connection, grill: int) -> None:
    """Preparing for a week becomes ready, and waits for its two hours there."""
    (stuck,) = stuck_orders(db, grill, 1, "preparing", 10_000)
    assert one(db, HEAL)["healed"] == 1
    assert one(db, HEAL)["healed"] == 0
    assert order(db, stuck)["status"] == "ready"


def test_a_healed_order_looks_as_if_staff_had_moved_it(db: Connection, grill: int) -> None:
    freeze_clock(db, NOW)
    (stuck,) = stuck_orders(db, grill, 1, "ready", 180)
    become(db, "service_role")
    one(db, HEAL)
    found = order(db, stuck)
    assert found["status"] == "completed"
    assert found["completed_at"] == found["status_changed_at"] == one(db, "select dbkit.clock()")
    kept = row(
        db,
        "select from_status, to_status, actor, user_id, reason from dbkit.order_status_history"
        " where order_id = %s",
        stuck,
    )
    assert kept == {
        "from_status": "ready",
        "to_status": "completed",
        "actor": "auto_heal",
        "user_id": None,
        "reason": "Likely picked up but staff forgot to complete",
    }
    assert events(db, stuck) == [("OrderImported", "ready"), ("OrderStatusChanged", "completed")]
    told = one(
        db,
        "select event_data from dbkit.event_store where aggregate_id = %s"
        " order by version desc limit 1",
        str(stuck),
    )
    assert (told["actor"], told["reason"]) == ("auto_heal", kept["reason"])
    metric = one(db, "select event_data from dbkit.runtime_metrics where event_type = 'auto_heal'")
    assert metric["action"] == "ready_orders"
    assert metric["details"]["subject"] == str(stuck)
    become(db, "service_role", organization_id="smoke")
    state = one(db, "select dbkit.get_aggregate_state('order', %s)", str(stuck))
    assert state["state"]["status"] == "completed"


def todays(conn: Connection, store: int) -> Any:
    return one(conn, "select dbkit.get_todays_orders(%s)", store)


def test_todays_orders_stay_true(database: str, open_grill: int) -> None:
    with connect(database, autocommit=True) as conn:
        conn.execute(f"set dbkit.clock = '{NOW}'".encode())
        preparing = stuck_orders(conn, open_grill, 3, "preparing", 60, "7.50")
        stuck_orders(conn, open_grill, 2, "ready", 130, "2.25")
        one(conn, HEAL)
        found = todays(conn, open_grill)
        assert (found["orders"], found["revenue"]) == (5, 27.0)
        assert {s: n for s, n in found["by_status"].items() if n} == statuses(conn)
        assert statuses(conn) == {"ready": 3, "completed": 2}
        first = one(conn, "select id from dbkit.heal_ledger where subject = %s", str(preparing[0]))
        one(conn, UNDO, first, "it burns")
        found = todays(conn, open_grill)
        assert {s: n for s, n in found["by_status"].items() if n} == statuses(conn)
        assert statuses(conn) == {"ready": 2, "completed": 2, "preparing": 1}


def test_a_dry_run_tells_and_changes_nothing(db: Connection, grill: int) -> None:
    stuck = stuck_orders(db, grill, 3, "preparing", 60)
    before = rows(db, "select * from dbkit.orders order by id")
    become(db, "service_role")
    answer = one(db, PREVIEW)
    assert (answer["dry_run"], answer["healed"]) == (True, 0)
    told = [c["subject"] for rule in answer["rules"] for c in rule["changes"]]
    assert sorted(told) == sorted(map(str, stuck))
    assert rows(db, "select * from dbkit.orders order by id") == before
    for table in ("heal_ledger", "heal_runs", "runtime_metrics", "order_status_history"):
        assert one(db, f"select count(*) from dbkit.{table}") == 0, table
    assert one(db, HEAL)["healed"] == 3


def test_the_trip_stops_what_an_outage_left(db: Connection, grill: int) -> None:
    stuck_orders(db, grill, 300, "preparing", 60)
    become(db, "service_role")
    answer = one(db, HEAL)
    assert answer["healed"] == 0
    assert [r["outcome"] for r in answer["rules"]] == ["tripped", "nothing"]
    assert statuses(db) == {"preparing": 300}
    one(db, "select dbkit.resume_heal_rule('preparing_orders', 300)")
    assert one(db, HEAL)["healed"] == 5


def test_what_a_session_does_once_before_leaves_no_trace(db: Connection, grill: int) -> None:
    """An order that nobody sees is moved and taken back, so that the first real move is quick."""
    stuck_orders(db, grill, 1, "preparing", 60)
    tables = ("orders", "order_status_history", "event_store", "event_streams", "heal_ledger")
    before = [one(db, f"select count(*) from dbkit.{name}") for name in tables]
    assert one(db, "select coalesce(current_setting('dbkit.orders_rehearsed', true), '')") == ""
    one(db, "select dbkit._rehearse_order_move()")
    assert one(db, "select current_setting('dbkit.orders_rehearsed')") == "on"
    assert [one(db, f"select count(*) from dbkit.{name}") for name in tables] == before


def test_the_move_that_is_rehearsed_is_one_that_works(db: Connection, grill: int) -> None:
    """What fails half-way would be swallowed, and the rest be as slow as without."""
    (order,) = stuck_orders(db, grill, 1, "ready", 150)
    source = one(db, "select prosrc from pg_proc where proname = '_rehearse_order_move'")
    assert "raise exception 'back to where it was'" in source
    name = "create or replace function dbkit._rehearse_order_move() returns void"
    kept = source.replace("raise exception 'back to where it was' using errcode", "--")
    db.execute(f"{name} language plpgsql as $rehearsal${kept}$rehearsal$".encode())
    one(db, "select dbkit._rehearse_order_move()")
    found = rows(db, "select id, status from dbkit.orders where id <> %s and id < 0", order)
    assert [f["status"] for f in found] == ["ready"]


def test_a_step_that_the_table_does_not_allow_is_not_taken(db: Connection, grill: int) -> None:
    stuck_orders(db, grill, 2, "preparing", 60)
    db.execute("delete from dbkit.order_status_transitions where actor = 'auto_heal'")
    for statement in (PREVIEW, HEAL):
        assert [r["outcome"] for r in one(db, statement)["rules"]] == ["nothing", "nothing"]


def test_an_order_that_cannot_be_moved_keeps_no_other_from_it(db: Connection, grill: int) -> None:
    first, second = stuck_orders(db, grill, 2, "preparing", 60)
    become(db, "service_role")
    one(db, "select dbkit._change_order_status(%s, 'ready')", first)
    unbecome(db)
    db.execute(
        "update dbkit.orders set status = 'preparing',"
        " status_changed_at = dbkit.clock() - interval '2 hours' where id = %s",
        [first],
    )
    become(db, "service_role", organization_id="smoke")
    one(db, "select dbkit.archive_stream('order', %s)", str(first))
    assert one(db, HEAL)["healed"] == 1
    assert order(db, first)["status"] == "preparing"
    assert order(db, second)["status"] == "ready"


# --- many at once -----------------------------------------------------------------------------

ORDERS = 500
HEALERS = 12


def heal_until_done(url: str) -> int:
    healed = 0
    with connect(url, autocommit=True) as conn:
        conn.execute("set role service_role")
        while True:
            answer = one(conn, HEAL)
            healed += int(answer["healed"])
            if not answer["more"]:
                return healed


def test_twelve_healers_heal_each_of_500_orders_once(database: str, open_grill: int) -> None:
    with connect(database, autocommit=True) as conn:
        never_trips(conn, batch=7)
        stuck_orders(conn, open_grill, ORDERS, "preparing", 60)
        healed = in_parallel(HEALERS, lambda n: heal_until_done(database))
        assert sum(healed) == ORDERS
        assert statuses(conn) == {"ready": ORDERS}
        assert ledger(conn) == ORDERS
        assert one(conn, "select count(distinct subject) from dbkit.heal_ledger") == ORDERS
        for table, where in [
            ("order_status_history", "actor = 'auto_heal'"),
            ("event_store", "event_type = 'OrderStatusChanged'"),
            ("runtime_metrics", "event_type = 'auto_heal'"),
        ]:
            assert one(conn, f"select count(*) from dbkit.{table} where {where}") == ORDERS, table
        assert one(conn, "select sum(healed) from dbkit.heal_runs") == ORDERS


CLAIM = (
    "select count(*) from dbkit._heal_stuck_orders("
    '\'{"from": "preparing", "to": "ready", "after_minutes": 45}\', 5, \'{}\')'
)
NAIVE = """
create procedure heal_naively(p_limit int) language plpgsql as $$
declare v_id bigint;
begin
  for v_id in
    select id from dbkit.orders where status = 'preparing'
      and status_changed_at < dbkit.clock() - interval '45 minutes' order by id limit p_limit
  loop
    update dbkit.orders set status = 'ready', status_changed_at = dbkit.clock() where id = v_id;
    insert into dbkit.order_status_history (order_id, from_status, to_status, actor)
    values (v_id, 'preparing', 'ready', 'auto_heal');
  end loop;
end $$;
"""


def test_claims_alone_never_double_and_a_naive_healer_does(database: str, open_grill: int) -> None:
    """Without the lock on the rule: twelve claim side by side. The control looks, then changes."""

    def claim_until_done(_: int) -> None:
        with connect(database, autocommit=True) as conn:
            while one(conn, CLAIM):
                pass

    def naive(_: int) -> None:
        with connect(database, autocommit=True) as conn:
            while one(conn, "select exists (select from dbkit.orders where status = 'preparing')"):
                conn.execute("call heal_naively(20)")

    audit = "select count(*) from dbkit.order_status_history where actor = 'auto_heal'"
    with connect(database, autocommit=True) as conn:
        stuck_orders(conn, open_grill, ORDERS, "preparing", 60)
        in_parallel(HEALERS, claim_until_done)
        assert statuses(conn) == {"ready": ORDERS}
        assert one(conn, audit) == ORDERS
        conn.execute(NAIVE)
        conn.execute("delete from dbkit.order_status_history")
        conn.execute("delete from dbkit.orders")
        stuck_orders(conn, open_grill, ORDERS, "preparing", 60)
        in_parallel(HEALERS, naive)
        assert one(conn, audit) > ORDERS, "the control does not double: this test proves nothing"


def test_the_budget_holds_for_twelve_at_once(database: str, open_grill: int) -> None:
    with connect(database, autocommit=True) as conn:
        never_trips(conn, batch=10, budget=137)
        stuck_orders(conn, open_grill, ORDERS, "preparing", 60)
        assert sum(in_parallel(HEALERS, lambda n: heal_until_done(database))) == 137
        assert ledger(conn) == 137


def test_killed_healers_leave_nothing_half_done(database: str, open_grill: int) -> None:
    with connect(database, autocommit=True) as conn:
        never_trips(conn, batch=10)
        stuck_orders(conn, open_grill, ORDERS, "preparing", 60)

        def heal_and_die(_: int) -> int:
            try:
                return heal_until_done(database)
            except psycopg.OperationalError:
                return -1

        with ThreadPoolExecutor(HEALERS) as pool:
            running = [pool.submit(heal_and_die, n) for n in range(HEALERS)]
            killed = 0
            while killed < 8 and one(
                conn, "select exists (select from dbkit.orders where status = 'preparing')"
            ):
                killed += len(
                    rows(
                        conn,
                        "select pg_terminate_backend(pid) from pg_stat_activity"
                        " where datname = current_database() and pid <> pg_backend_pid()"
                        " and query like %s and state = 'active' limit 1",
                        "select dbkit.auto_heal%",
                    )
                )
            ended = [r.result() for r in running]
        assert -1 in ended, "nobody was killed: this test proves nothing"
        heal_until_done(database)
        assert statuses(conn) == {"ready": ORDERS}
        assert ledger(conn) == ORDERS
        audit = "select count(*) from dbkit.order_status_history where actor = 'auto_heal'"
        assert one(conn, audit) == ORDERS


# --- against people ---------------------------------------------------------------------------


def test_whoever_holds_an_order_is_not_waited_for(database: str, open_grill: int) -> None:
    with connect(database) as conn:
        held, free = stuck_orders(conn, open_grill, 2, "preparing", 60)
        conn.commit()
        become(conn, "service_role")
        one(conn, "select dbkit._change_order_status(%s, 'cancelled')", held)  # not committed yet
        with connect(database, autocommit=True) as healer:
            healer.execute("set statement_timeout = '10s'")
            answer = one(healer, HEAL)
            assert [c["subject"] for c in answer["rules"][0]["changes"]] == [str(free)]
        conn.commit()
        assert order(conn, held)["status"] == "cancelled"
        assert events(conn, held)[-1] == ("OrderStatusChanged", "cancelled")
        assert one(conn, HEAL)["healed"] == 0


def test_a_status_moved_by_hand_in_the_meantime_wins(database: str, open_grill: int) -> None:
    """Driven: the healer stands between the snapshot in which the order is stuck and its claim."""
    with connect(database, autocommit=True) as conn:
        stuck, other = stuck_orders(conn, open_grill, 2, "preparing", 60)
        conn.execute(
            "create function dbkit.gate() returns interval language plpgsql stable as $$ begin"
            " if current_setting('test.gate', true) = 'on' then"
            " perform pg_advisory_xact_lock_shared(77); end if; return '45 minutes'; end $$;"
            "grant execute on function dbkit.gate() to public"
        )
        # The claim itself, stopped between its snapshot and its lock.
        source = one(
            conn, "select pg_get_functiondef('dbkit._heal_stuck_orders'::regproc)"
        ).replace("make_interval(mins => (p_params ->> 'after_minutes')::int)", "dbkit.gate()")
        assert "dbkit.gate()" in source
        conn.execute(source.encode())
        conn.execute("select pg_advisory_lock(77)")

        def heal() -> Any:
            with connect(database, autocommit=True) as healer:
                healer.execute("set test.gate = 'on'")
                healer.execute("set statement_timeout = '20s'")
                return one(healer, HEAL)

        with ThreadPoolExecutor(1) as pool:
            healing = pool.submit(heal)
            wait_until(
                conn,
                "exists (select from pg_locks where locktype = 'advisory' and objid = 77"
                " and not granted)",
            )
            one(conn, "select dbkit._change_order_status(%s, 'cancelled')", stuck)
            conn.execute("select pg_advisory_unlock(77)")
            answer = healing.result()
        changed = [c["subject"] for c in answer["rules"][0]["changes"]]
        assert changed == [str(other)]
        assert order(conn, stuck)["status"] == "cancelled"
        assert events(conn, stuck)[1:] == [("OrderStatusChanged", "cancelled")]
        assert ledger(conn) == 1


def test_needs_service_role(db: Connection) -> None:
    for role in ("anon", "authenticated"):
        become(db, role)
        for statement in (HEAL, PREVIEW, CLAIM):
            with raises(db, "42501"):
                one(db, statement)
        unbecome(db)
