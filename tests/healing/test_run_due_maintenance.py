"""dbkit.run_due_maintenance: a step a transaction, by the worker, every 15 minutes."""

from __future__ import annotations

from tests.cli.running import done
from tests.core.parts import make_tasks
from tests.helpers import Connection, become, connect, freeze_clock, one, raises, row, rows

DUE = "select dbkit.run_due_maintenance()"
IDLE = {"step": None, "outcome": None, "error": None, "more": False}
TASK = "select dbkit.run_worker_task('maintenance')"


def run_all(conn: Connection) -> list[str]:
    found: list[str] = []
    while True:
        answer = one(conn, DUE)
        if answer["step"] is None:
            return found
        found.append(answer["step"])


def test_every_step_in_its_order_and_again_after_15_minutes(db: Connection) -> None:
    freeze_clock(db, "2030-01-01T00:00:00Z")
    become(db, "service_role")
    steps = [r["step"] for r in rows(db, "select * from dbkit.get_maintenance_steps()")]
    assert steps[:3] == ["auto_heal", "refresh_order_health", "evaluate_alerts"]
    assert run_all(db) == steps
    assert one(db, DUE) == IDLE
    freeze_clock(db, "2030-01-01T00:14:59Z")
    assert one(db, DUE) == IDLE
    freeze_clock(db, "2030-01-01T00:15:00Z")
    assert run_all(db) == steps


def test_one_that_always_has_more_keeps_none_from_its_turn(db: Connection) -> None:
    make_tasks(db)
    db.execute(
        "create or replace function chores.fail() returns jsonb language sql as"
        " $$ select '{\"more\": true}'::jsonb $$"
    )
    one(
        db, "select dbkit.register_maintenance_step('greedy', 'x', 'chores.fail', p_run_order => 0)"
    )
    freeze_clock(db, "2030-01-01T00:00:00Z")
    steps = one(db, "select count(*) from dbkit.maintenance_steps")
    seen = [one(db, DUE)["step"] for _ in range(steps + 2)]
    assert len(set(seen)) == steps
    assert seen[-2:] == ["greedy", "greedy"]


def test_one_bad_step_stops_no_other(db: Connection) -> None:
    make_tasks(db)
    one(
        db, "select dbkit.register_maintenance_step('broken', 'x', 'chores.fail', p_run_order => 0)"
    )
    db.execute("update dbkit.maintenance_steps set next_run_at = '2026-01-01Z'")
    freeze_clock(db, "2030-01-01T00:00:00Z")
    first = one(db, DUE)
    assert (first["step"], first["outcome"], first["more"]) == ("broken", "failed", True)
    assert len(run_all(db)) == one(db, "select count(*) from dbkit.maintenance_steps") - 1


def test_one_that_is_off_is_left_out(db: Connection) -> None:
    db.execute("update dbkit.maintenance_steps set enabled = false where step <> 'auto_heal'")
    assert run_all(db) == ["auto_heal"]


def test_the_workers_task_goes_on_at_once_while_there_is_more(db: Connection) -> None:
    freeze_clock(db, "2030-01-01T00:00:00Z")
    become(db, "service_role")
    due = "select next_run_at <= dbkit.clock() from dbkit.worker_tasks where task = 'maintenance'"
    assert one(db, TASK)["result"]["more"] is True
    assert one(db, due)
    while one(db, TASK)["ran"]:
        pass
    assert not one(db, due)


def test_a_worker_does_it(database: str) -> None:
    done("worker", "--once", "--only", "maintenance", url=database)
    with connect(database) as conn:
        found = rows(conn, "select distinct step from dbkit.maintenance_runs order by 1")
        steps = rows(conn, "select step from dbkit.maintenance_steps order by 1")
        assert found == steps
        kept = row(
            conn, "select last_error, runs from dbkit.worker_tasks where task = 'maintenance'"
        )
        assert kept == {"last_error": None, "runs": len(steps)}


def test_needs_service_role(db: Connection) -> None:
    become(db, "authenticated")
    with raises(db, "42501"):
        one(db, DUE)
