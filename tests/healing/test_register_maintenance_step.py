"""dbkit.register_maintenance_step."""

from __future__ import annotations

import pytest

from tests.core.parts import make_tasks
from tests.helpers import Connection, become, one, raises, row, unbecome

REGISTER = "select dbkit.register_maintenance_step(%s, %s, %s, %s, %s)"


def test_adds_and_changes(db: Connection) -> None:
    make_tasks(db)
    become(db, "super_admin")
    one(db, REGISTER, "chore", "counts", "chores.count_up", 60, 5)
    one(db, REGISTER, "chore", "counts again", "chores.nothing()", 30, 6)
    found = row(
        db,
        "select description, function_signature, every_seconds, run_order, enabled,"
        " next_run_at <= dbkit.clock() + interval '30 s' as soon"
        " from dbkit.maintenance_steps where step = 'chore'",
    )
    assert found == {
        "description": "counts again",
        "function_signature": "chores.nothing()",
        "every_seconds": 30,
        "run_order": 6,
        "enabled": True,
        "soon": True,
    }


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (("Chore", "x", "chores.count_up", 60, 5), "snake case"),
        ((None, "x", "chores.count_up", 60, 5), "snake case"),
        (("chore", "", "chores.count_up", 60, 5), "description"),
        (("chore", "x", "chores.missing", 60, 5), "does not exist"),
        (("chore", "x", "chores.count_up; select 1", 60, 5), "does not exist"),
        (("chore", "x", None, 60, 5), "does not exist"),
        (("chore", "x", "chores.needs_one(int)", 60, 5), "without arguments"),
        (("chore", "x", "chores.many", 60, 5), "without arguments"),
        (("chore", "x", "chores.twice()", 60, 5), "several functions"),
        (("chore", "x", "chores.hidden", 60, 5), "may not execute"),
        (("chore", "x", "chores.count_up", 0, 5), "seconds"),
        (("chore", "x", "chores.count_up", 60, -1), "run_order"),
    ],
)
def test_refuses(db: Connection, given: tuple[object, ...], problem: str) -> None:
    make_tasks(db)
    with raises(db, "KD748") as caught:
        one(db, REGISTER, *given)
    assert problem in caught.detail["problem"]


def test_needs_super_admin(db: Connection) -> None:
    make_tasks(db)
    for role in ("anon", "authenticated", "service_role"):
        become(db, role)
        with raises(db, "42501"):
            one(db, REGISTER, "chore", "x", "chores.count_up", 60, 5)
        unbecome(db)
