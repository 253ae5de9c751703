"""A task runs when it is due, in one worker at a time, and its failure stays its own."""

from __future__ import annotations

import pytest

from tests.api.conftest import in_parallel, outcome
from tests.core.parts import make_tasks
from tests.helpers import Connection, become, connect, freeze_clock, one, raises, row, unbecome

RUN = "select dbkit.run_worker_task(%s)"
FORCE = "select dbkit.run_worker_task(%s, true)"
IDLE = {"ran": False, "result": None, "error": None}
DUE = (
    "select extract(epoch from next_run_at - dbkit.clock())::bigint from dbkit.worker_tasks"
    " where task = %s"
)


def register(db: Connection, task: str, function: str, every: int = 60) -> None:
    one(db, "select dbkit.register_worker_task(%s, %s, %s) is null", task, function, every)


def test_runs_when_due_with_the_rights_of_the_worker(db: Connection) -> None:
    make_tasks(db)
    register(db, "chore", "chores.count_up")
    freeze_clock(db, "2030-01-01T00:00:00Z")
    become(db, "service_role")
    assert one(db, RUN, "chore") == {"ran": True, "result": 1, "error": None}
    assert one(db, RUN, "chore") == IDLE
    freeze_clock(db, "2030-01-01T00:00:59Z")
    assert one(db, RUN, "chore") == IDLE
    freeze_clock(db, "2030-01-01T00:01:00Z")
    assert one(db, RUN, "chore")["result"] == 2
    assert one(db, FORCE, "chore")["result"] == 3
    assert one(db, "select distinct who from chores.done") == "service_role"
    found = row(db, "select runs, failures, last_result from dbkit.worker_tasks where runs = 3")
    assert found == {"runs": 3, "failures": 0, "last_result": 3}


def test_a_function_may_return_nothing(db: Connection) -> None:
    make_tasks(db)
    register(db, "quiet", "chores.nothing")
    answer = one(db, RUN, "quiet")
    assert (answer["ran"], answer["error"]) == (True, None)
    assert one(db, "select who from chores.done") == "nothing"


def test_a_failure_is_undone_kept_and_backed_off(db: Connection) -> None:
    make_tasks(db)
    register(db, "broken", "chores.fail", 60)
    register(db, "chore", "chores.count_up")
    freeze_clock(db, "2030-01-01T00:00:00Z")
    become(db, "service_role")
    waits = []
    for _ in range(9):
        assert one(db, FORCE, "broken")["error"] == "P0001: it went wrong"
        waits.append(one(db, DUE, "broken"))
    assert waits == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert one(db, RUN, "chore")["result"] == 1
    found = row(db, "select * from dbkit.worker_tasks where task = 'broken'")
    assert (found["runs"], found["failures"], found["failures_in_a_row"]) == (9, 9, 9)
    assert found["last_error"] == "P0001: it went wrong"
    unbecome(db)
    register(db, "broken", "chores.nothing")
    assert one(db, RUN, "broken")["error"] is None
    found = row(db, "select * from dbkit.worker_tasks where task = 'broken'")
    assert (found["last_error"], found["failures_in_a_row"], found["failures"]) == (None, 0, 9)
    assert one(db, DUE, "broken") == 60


@pytest.mark.parametrize(("every", "last"), [(1, 3600), (86400, 86400)])
def test_the_longest_wait_is_an_hour_or_the_interval(db: Connection, every: int, last: int) -> None:
    make_tasks(db)
    register(db, "broken", "chores.fail", every)
    freeze_clock(db, "2030-01-01T00:00:00Z")
    for _ in range(40):
        one(db, FORCE, "broken")
    assert one(db, DUE, "broken") == last


def test_a_cancelled_run_is_a_failure(db: Connection) -> None:
    make_tasks(db)
    db.execute(
        "create function chores.sleep() returns void language sql return pg_sleep(600);"
        "grant execute on function chores.sleep() to service_role, super_admin"
    )
    register(db, "sleepy", "chores.sleep")
    db.execute("set local statement_timeout = '50ms'")
    assert one(db, RUN, "sleepy")["error"].startswith("57014: ")


def test_one_at_a_time_and_nobody_waits(database: str) -> None:
    with connect(database) as holder:
        make_tasks(holder)
        register(holder, "chore", "chores.count_up", 3600)
        holder.commit()
        assert one(holder, RUN, "chore")["ran"]
        with connect(database, autocommit=True) as other:
            other.execute("set statement_timeout = '10s'")
            assert one(other, FORCE, "chore") == IDLE
            holder.rollback()
            ran = in_parallel(8, lambda n: outcome(database, lambda c: one(c, RUN, "chore")["ran"]))
            assert sorted(ran) == [False] * 7 + [True]
            assert one(other, "select count(*) from chores.done") == 1


def test_unknown(db: Connection) -> None:
    with raises(db, "KD005"):
        one(db, RUN, "missing")


def test_needs_service_role(db: Connection) -> None:
    become(db, "authenticated")
    with raises(db, "42501"):
        one(db, RUN, "expire_idempotency_keys")
