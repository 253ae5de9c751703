"""dbkit.run_system_maintenance: everything, in one call, and what it says of it."""

from __future__ import annotations

from tests.api.conftest import in_parallel, outcome
from tests.core.parts import make_tasks
from tests.healing.parts import ledger, never_trips, statuses, stuck_orders
from tests.helpers import Connection, become, connect, one, raises, row, rows

RUN = "select dbkit.run_system_maintenance()"


def test_heals_refreshes_and_tells(db: Connection, grill: int) -> None:
    stuck_orders(db, grill, 3, "preparing", 60)
    stuck_orders(db, grill, 2, "ready", 150)
    become(db, "service_role")
    answer = one(db, RUN)
    assert (answer["ok"], answer["failed"]) == (True, [])
    assert (answer["healed"], answer["refreshed"]) == (5, True)
    assert statuses(db) == {"ready": 3, "completed": 2}
    assert one(db, "select sum(total_orders) from dbkit.mv_order_health") == 5
    ran = {s["step"]: s["outcome"] for s in answer["steps"]}
    kept = rows(db, "select step, outcome from dbkit.maintenance_runs")
    assert ran == {k["step"]: k["outcome"] for k in kept}
    assert set(ran) >= {"auto_heal", "refresh_order_health", "evaluate_alerts", "cleanup_metrics"}


def test_what_locks_others_comes_last(db: Connection) -> None:
    """All in one transaction: a healed order must not stay locked while the view is refreshed."""
    become(db, "service_role")
    ran = [s["step"] for s in one(db, RUN)["steps"]]
    assert ran.index("refresh_order_health") < ran.index("auto_heal")
    assert ran.index("evaluate_alerts") < ran.index("auto_heal")


def test_one_bad_step_stops_no_other(db: Connection, grill: int) -> None:
    make_tasks(db)
    for order, locks in ((0, "false"), (1000, "true")):
        one(
            db,
            "select dbkit.register_maintenance_step(%s, 'x', 'chores.fail',"
            f" p_run_order => %s, p_holds_locks => {locks})",
            *(f"broken_{order}", order),
        )
    stuck_orders(db, grill, 3, "preparing", 60)
    become(db, "service_role")
    answer = one(db, RUN)
    assert (answer["ok"], answer["failed"]) == (False, ["broken_0", "broken_1000"])
    assert (answer["healed"], answer["refreshed"]) == (3, True)
    assert one(db, "select count(*) from chores.done") == 0
    failed = rows(db, "select error from dbkit.maintenance_runs where outcome = 'failed'")
    assert [f["error"] for f in failed] == ["P0001: it went wrong"] * 2


def test_a_failing_rule_stops_neither_rules_nor_steps(db: Connection, grill: int) -> None:
    stuck_orders(db, grill, 1, "preparing", 60)
    db.execute(
        'update dbkit.heal_rules set params = \'{"after_minutes": "x"}\''
        " where rule = 'ready_orders'"
    )
    become(db, "service_role")
    answer = one(db, RUN)
    assert answer["healed"] == 1
    error = one(db, "select error from dbkit.heal_runs where outcome = 'failed'")
    assert error.startswith("22P02")
    assert (answer["ok"], answer["failed"], answer["failed_rules"]) == (False, [], ["ready_orders"])
    assert [s["outcome"] for s in answer["steps"] if s["step"] == "auto_heal"] == ["done"]


def test_overlapping_runs_are_harmless(database: str, open_grill: int) -> None:
    with connect(database, autocommit=True) as conn:
        never_trips(conn, batch=20)
        stuck_orders(conn, open_grill, 20, "preparing", 60)
        said = in_parallel(8, lambda n: outcome(database, lambda c: one(c, RUN)["ok"]))
        assert said == [True] * 8
        assert ledger(conn) == 20
        assert statuses(conn) == {"ready": 20}
        assert row(
            conn, "select count(*) as n from dbkit.maintenance_runs where outcome = 'failed'"
        ) == {"n": 0}


def test_steps_that_are_off_are_left_out(db: Connection) -> None:
    db.execute("update dbkit.maintenance_steps set enabled = false where step <> 'auto_heal'")
    assert [s["step"] for s in one(db, RUN)["steps"]] == ["auto_heal"]


def test_needs_service_role(db: Connection) -> None:
    for role in ("anon", "authenticated"):
        become(db, role)
        with raises(db, "42501"):
            one(db, RUN)
