"""dbkit.run_heal_rules: the rules of a group, or all, in their order."""

from __future__ import annotations

from tests.healing.parts import lit, make_house, register_lamps
from tests.helpers import Connection, become, one, raises

ALL = "select dbkit.run_heal_rules()"
GROUP = "select dbkit.run_heal_rules(%s, %s)"


def test_all_in_their_order(db: Connection) -> None:
    make_house(db)
    register_lamps(db, p_run_order=15, p_batch_size=4)
    become(db, "service_role")
    answer = one(db, ALL)
    assert [r["rule"] for r in answer["rules"]] == ["preparing_orders", "lamps", "ready_orders"]
    assert (answer["healed"], answer["more"], answer["dry_run"]) == (4, True, False)


def test_a_group_alone(db: Connection) -> None:
    make_house(db)
    register_lamps(db, p_group="house")
    become(db, "service_role")
    assert [r["rule"] for r in one(db, GROUP, "house", True)["rules"]] == ["lamps"]
    assert one(db, GROUP, "nobody", False) == {
        "dry_run": False,
        "healed": 0,
        "more": False,
        "rules": [],
    }
    assert lit(db) == 0


def test_one_that_fails_stops_no_other(db: Connection) -> None:
    make_house(db)
    register_lamps(db, p_rule="broken", p_run_order=1, p_apply_function="house.fails")
    register_lamps(db, p_run_order=2)
    become(db, "service_role")
    found = {r["rule"]: r["outcome"] for r in one(db, ALL)["rules"]}
    assert (found["broken"], found["lamps"]) == ("failed", "healed")
    assert lit(db) == 10


def test_needs_service_role(db: Connection) -> None:
    become(db, "authenticated")
    with raises(db, "42501"):
        one(db, ALL)
