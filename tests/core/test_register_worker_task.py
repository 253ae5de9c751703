"""What workers may be told to run: a function without needed arguments that they may execute."""

from __future__ import annotations

import pytest

from tests.core.parts import make_tasks
from tests.helpers import Connection, become, freeze_clock, one, raises, row

REGISTER = "select dbkit.register_worker_task(%s, %s, %s) is null"


def test_is_due_at_once_and_has_its_full_signature(db: Connection) -> None:
    make_tasks(db)
    freeze_clock(db, "2026-01-01T00:00:00Z")
    become(db, "super_admin")
    for written in ("chores.count_up", "chores.count_up(int)", "chores.count_up(integer)"):
        one(db, REGISTER, "count_up", written, 60)
        found = row(
            db,
            "select function_signature as f, next_run_at = dbkit.clock() as due"
            " from dbkit.worker_tasks where task = 'count_up'",
        )
        assert found == {"f": "chores.count_up(integer)", "due": True}


def test_again_changes_it_and_goes_on_counting(db: Connection) -> None:
    make_tasks(db)
    freeze_clock(db, "2026-01-01T00:00:00Z")
    one(db, REGISTER, "chore", "chores.count_up", 3600)
    one(db, "select dbkit.run_worker_task('chore')")
    one(db, REGISTER, "chore", "chores.count_up", 60)
    due = "select extract(epoch from next_run_at - dbkit.clock())::int as due, runs"
    due += " from dbkit.worker_tasks where task = 'chore'"
    assert row(db, due) == {"due": 60, "runs": 1}
    one(db, REGISTER, "chore", "chores.nothing", 60)
    assert row(db, due) == {"due": 0, "runs": 1}


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        ("chores.missing", "does not exist"),
        ("no such thing", "does not exist"),
        (None, "does not exist"),
        ("chores.count_up; drop table chores.done", "does not exist"),
        ("chores.many", "without arguments"),
        ("chores.needs_one(int)", "without arguments"),
        ("pg_catalog.count(*)", "does not exist"),
        ("chores.twice()", "several"),
        ("chores.hidden", "the role service_role may not execute it"),
    ],
)
def test_refuses_other_functions(db: Connection, function: str | None, problem: str) -> None:
    make_tasks(db)
    with raises(db, "KD006") as caught:
        one(db, REGISTER, "chore", function, 60)
    assert problem in caught.detail["problem"]


@pytest.mark.parametrize(
    ("name", "every"),
    [
        *[(name, 60) for name in ("Chore", "", "a b", None, "x" * 64)],
        *[("chore", every) for every in (0, -1, 31536001, None)],
    ],
)
def test_refuses_bad_names_and_intervals(
    db: Connection, name: str | None, every: int | None
) -> None:
    make_tasks(db)
    with raises(db, "KD006"):
        one(db, REGISTER, name, "chores.count_up", every)


def test_needs_super_admin(db: Connection) -> None:
    make_tasks(db)
    become(db, "service_role")
    with raises(db, "42501"):
        one(db, REGISTER, "chore", "chores.count_up", 60)
