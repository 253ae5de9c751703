"""dbkit.unregister_maintenance_step."""

from __future__ import annotations

from tests.healing.parts import STEP
from tests.helpers import Connection, become, one, raises

GONE = "select dbkit.unregister_maintenance_step(%s)"


def test_removes_the_step_and_keeps_its_runs(db: Connection) -> None:
    one(db, STEP, "auto_heal")
    become(db, "super_admin")
    one(db, GONE, "auto_heal")
    with raises(db, "KD747"):
        one(db, STEP, "auto_heal")
    assert one(db, "select count(*) from dbkit.maintenance_runs where step = 'auto_heal'") == 1


def test_unknown(db: Connection) -> None:
    for step in ("nothing", None):
        with raises(db, "KD747"):
            one(db, GONE, step)


def test_needs_super_admin(db: Connection) -> None:
    become(db, "service_role")
    with raises(db, "42501"):
        one(db, GONE, "auto_heal")
