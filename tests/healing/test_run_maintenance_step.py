"""dbkit.run_maintenance_step: what fails is its own business, and kept."""

from __future__ import annotations

from tests.core.parts import make_tasks
from tests.healing.parts import STEP
from tests.helpers import Connection, become, connect, freeze_clock, one, raises, row, rows

REGISTER = "select dbkit.register_maintenance_step(%s, 'a test', %s)"


def test_runs_with_the_callers_rights_and_is_kept(db: Connection) -> None:
    make_tasks(db)
    one(db, REGISTER, "chore", "chores.count_up")
    become(db, "service_role")
    answer = one(db, STEP, "chore")
    assert answer | {"took_ms": 0} == {
        "step": "chore",
        "outcome": "done",
        "took_ms": 0,
        "more": False,
        "result": 1,
        "error": None,
    }
    assert one(db, "select who from chores.done") == "service_role"
    kept = row(db, "select step, outcome, result, error from dbkit.maintenance_runs")
    assert kept == {"step": "chore", "outcome": "done", "result": 1, "error": None}


def test_a_failure_is_taken_back_and_kept(db: Connection) -> None:
    make_tasks(db)
    one(db, REGISTER, "broken", "chores.fail")
    become(db, "service_role")
    answer = one(db, STEP, "broken")
    assert (answer["outcome"], answer["error"]) == ("failed", "P0001: it went wrong")
    assert one(db, "select count(*) from chores.done") == 0
    assert one(db, "select error from dbkit.maintenance_runs") == "P0001: it went wrong"


def test_a_cancelled_one_is_a_failure(db: Connection) -> None:
    make_tasks(db)
    db.execute(
        "create or replace function chores.nothing() returns void language sql"
        " as $$ select pg_sleep(600) $$"
    )
    one(db, REGISTER, "sleepy", "chores.nothing")
    db.execute("set local statement_timeout = '50ms'")
    assert one(db, STEP, "sleepy")["error"].startswith("57014: ")


def test_a_function_that_is_gone_is_skipped_with_a_word(db: Connection) -> None:
    make_tasks(db)
    one(db, REGISTER, "chore", "chores.count_up")
    db.execute("drop function chores.count_up")
    answer = one(db, STEP, "chore")
    assert answer["outcome"] == "skipped"
    assert answer["error"] == "there is no function chores.count_up(integer)"
    assert one(db, "select outcome from dbkit.maintenance_runs") == "skipped"


def test_one_that_runs_elsewhere_is_left_to_it(database: str) -> None:
    with connect(database) as holder, connect(database, autocommit=True) as conn:
        one(holder, STEP, "prune_maintenance")
        conn.execute("set statement_timeout = '10s'")
        assert one(conn, STEP, "prune_maintenance")["outcome"] == "busy"
        assert rows(conn, "select from dbkit.maintenance_runs") == []
        holder.commit()
        assert one(conn, STEP, "prune_maintenance")["outcome"] == "done"


def test_it_is_due_again_later_or_at_once(db: Connection) -> None:
    make_tasks(db)
    db.execute(
        "create or replace function chores.fail() returns jsonb language sql as"
        " $$ select '{\"more\": true}'::jsonb $$"
    )
    one(db, REGISTER, "chore", "chores.count_up")
    one(db, REGISTER, "long", "chores.fail")
    freeze_clock(db, "2030-01-01T00:00:00Z")
    assert (one(db, STEP, "chore")["more"], one(db, STEP, "long")["more"]) == (False, True)
    due = rows(
        db,
        "select extract(epoch from next_run_at - dbkit.clock())::int as s"
        " from dbkit.maintenance_steps where step in ('chore', 'long') order by step",
    )
    assert [d["s"] for d in due] == [900, 0]


def test_unknown(db: Connection) -> None:
    for step in ("nothing", None):
        with raises(db, "KD747"):
            one(db, STEP, step)


def test_needs_service_role(db: Connection) -> None:
    become(db, "authenticated")
    with raises(db, "42501"):
        one(db, STEP, "auto_heal")
