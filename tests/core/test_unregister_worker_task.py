"""A task that is gone runs no more."""

from __future__ import annotations

from tests.core.parts import make_tasks
from tests.helpers import Connection, become, one, raises

UNREGISTER = "select dbkit.unregister_worker_task(%s) is null"


def test_is_gone(db: Connection) -> None:
    make_tasks(db)
    become(db, "super_admin")
    one(db, "select dbkit.register_worker_task('chore', 'chores.count_up', 60) is null")
    one(db, UNREGISTER, "chore")
    for statement in (UNREGISTER, "select dbkit.run_worker_task(%s)"):
        with raises(db, "KD005") as caught:
            one(db, statement, "chore")
        assert caught.detail == {"task": "chore"}


def test_needs_super_admin(db: Connection) -> None:
    become(db, "service_role")
    with raises(db, "42501"):
        one(db, UNREGISTER, "chore")
