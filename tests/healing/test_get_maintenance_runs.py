"""dbkit.get_maintenance_runs."""

from __future__ import annotations

from tests.healing.parts import STEP
from tests.helpers import Connection, become, one, raises, rows

RUNS = "select * from dbkit.get_maintenance_runs({})"


def test_newest_first_a_page_at_a_time(db: Connection) -> None:
    become(db, "service_role")
    for step in ("auto_heal", "prune_maintenance", "auto_heal"):
        one(db, STEP, step)
    found = rows(db, RUNS.format(""))
    assert [f["step"] for f in found] == ["auto_heal", "prune_maintenance", "auto_heal"]
    assert len(rows(db, RUNS.format("'auto_heal'"))) == 2
    assert (
        rows(db, RUNS.format("null, %s, 1"), found[0]["run_id"])[0]["step"] == "prune_maintenance"
    )
    assert found[0]["result"]["healed"] == 0


def test_bad_limits(db: Connection) -> None:
    for limit in (0, 1001, None):
        with raises(db, "KD004"):
            rows(db, RUNS.format("p_limit => %s"), limit)


def test_needs_service_role(db: Connection) -> None:
    become(db, "authenticated")
    with raises(db, "42501"):
        rows(db, RUNS.format(""))
