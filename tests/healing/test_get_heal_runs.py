"""dbkit.get_heal_runs."""

from __future__ import annotations

from tests.healing.parts import RUN, make_house, register_lamps
from tests.helpers import Connection, become, one, raises, rows

RUNS = "select * from dbkit.get_heal_runs({})"


def test_every_run_newest_first(db: Connection) -> None:
    make_house(db)
    register_lamps(db, p_batch_size=6)
    become(db, "service_role")
    for rule in ("lamps", "ready_orders", "lamps", "lamps"):
        one(db, RUN, rule)
    found = rows(db, RUNS.format("'lamps'"))
    assert [(f["outcome"], f["healed"]) for f in found] == [
        ("nothing", 0),
        ("healed", 4),
        ("healed", 6),
    ]
    assert [f["rule"] for f in rows(db, RUNS.format("p_limit => 2"))] == ["lamps", "lamps"]
    second = rows(db, RUNS.format("null, %s, 1"), found[1]["run_id"])
    assert second[0]["rule"] == "ready_orders"


def test_bad_limits(db: Connection) -> None:
    for limit in (0, 1001, None):
        with raises(db, "KD004"):
            rows(db, RUNS.format("p_limit => %s"), limit)


def test_needs_service_role(db: Connection) -> None:
    become(db, "authenticated")
    with raises(db, "42501"):
        rows(db, RUNS.format(""))
