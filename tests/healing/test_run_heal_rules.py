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


LAMPS_COUNT = "create or replace function house.count_lamps(p_params jsonb) returns bigint"


def test_all_are_judged_before_the_first_changes_anything(db: Connection) -> None:
    """Counting a population takes long; what an earlier rule has changed would stay locked."""
    make_house(db)
    unlit = "select count(*) from house.lamps where not lit"
    db.execute(f"{LAMPS_COUNT} language sql stable return ({unlit})".encode())
    for number, rule in enumerate(("first", "second")):
        register_lamps(
            db,
            p_rule=rule,
            p_group="house",
            p_run_order=number,
            p_batch_size=4,
            p_population_function="house.count_lamps",
            p_trip_share=1,
            p_trip_min=100,
        )
    become(db, "service_role")
    answer = one(db, GROUP, "house", False)
    assert [(r["healed"], r["population"]) for r in answer["rules"]] == [(4, 10), (4, 10)]


def test_one_that_would_trip_is_judged_again_after_those_before_it(db: Connection) -> None:
    make_house(db)
    settings = {"p_group": "house", "p_population_function": "house.count_lamps"}
    register_lamps(db, p_rule="first", p_run_order=1, p_batch_size=10, p_group="house")
    register_lamps(db, p_rule="second", p_run_order=2, p_trip_share="0.5", p_trip_min=1, **settings)
    become(db, "service_role")
    found = {r["rule"]: r["outcome"] for r in one(db, GROUP, "house", False)["rules"]}
    assert found == {"first": "healed", "second": "nothing"}


def test_needs_service_role(db: Connection) -> None:
    become(db, "authenticated")
    with raises(db, "42501"):
        one(db, ALL)
