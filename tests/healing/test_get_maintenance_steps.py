"""dbkit.get_maintenance_steps."""

from __future__ import annotations

from tests.healing.parts import STEP
from tests.helpers import Connection, become, one, raises, rows

STEPS = "select * from dbkit.get_maintenance_steps()"


def test_in_their_order_with_how_they_ended(db: Connection) -> None:
    become(db, "service_role")
    one(db, STEP, "refresh_order_health")
    found = {r["step"]: r for r in rows(db, STEPS)}
    assert list(found)[:3] == ["auto_heal", "refresh_order_health", "evaluate_alerts"]
    assert found["refresh_order_health"]["last_outcome"] == "done"
    assert found["auto_heal"]["last_run_at"] is None
    assert {r["every_seconds"] for r in found.values()} == {900}
    assert found["auto_heal"]["holds_locks"]


def test_needs_service_role(db: Connection) -> None:
    become(db, "authenticated")
    with raises(db, "42501"):
        rows(db, STEPS)
