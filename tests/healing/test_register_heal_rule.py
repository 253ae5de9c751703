"""dbkit.register_heal_rule: only what can be called, and does what its kind says."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.healing.parts import make_house, register_lamps
from tests.helpers import Connection, become, raises, row, unbecome


def test_registers_and_registers_again(db: Connection) -> None:
    make_house(db)
    become(db, "super_admin")
    register_lamps(db, p_group="house", p_budget_per_hour=7)
    db.execute("select dbkit.set_heal_limits('lamps', 3, p_enabled => false)")
    register_lamps(db, p_description="again", p_budget_per_hour=9)
    found = row(db, "select * from dbkit.heal_rules where rule = 'lamps'")
    assert (found["description"], found["rule_group"]) == ("again", None)
    assert (found["budget_per_hour"], found["enabled"]) == (3, False)  # as the operator has it


SHARE = {"p_trip_share": Decimal("0.5")}


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"p_rule": "Lamps"}, "snake case"),
        ({"p_rule": "x" * 64}, "snake case"),
        ({"p_rule": None}, "snake case"),
        ({"p_group": "a b"}, "group"),
        ({"p_description": ""}, "description"),
        ({"p_find_function": "house.nothing"}, "there is no function"),
        ({"p_find_function": "find_dark"}, "schema.function"),
        ({"p_find_function": "house.find_dark(jsonb)"}, "schema.function"),
        ({"p_find_function": "house.find_dark; select 1"}, "schema.function"),
        ({"p_find_function": None}, "schema.function"),
        ({"p_find_function": "house.light"}, "stable"),
        ({"p_apply_function": "house.find_dark"}, "volatile"),
        ({"p_apply_function": "house.count_lamps"}, "there is no function"),
        ({"p_undo_function": "house.count_lamps"}, "there is no function"),
        ({"p_population_function": "house.find_dark"}, "there is no function"),
        (SHARE, "population_function"),
        (SHARE | {"p_trip_share": Decimal("1.1")}, "trip_share"),
        ({"p_batch_size": 0}, "batch_size"),
        ({"p_batch_size": 1001}, "batch_size"),
        ({"p_budget_per_hour": -1}, "budget_per_hour"),
        ({"p_trip_min": 0}, "trip_min"),
        ({"p_run_order": -1}, "run_order"),
        ({"p_params": "[]"}, "params"),
        ({"p_enabled": None}, "enabled"),
    ],
)
def test_refuses(db: Connection, given: dict[str, Any], problem: str) -> None:
    make_house(db)
    with raises(db, "KD741") as caught:
        register_lamps(db, **given)
    assert problem in caught.detail["problem"]


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        (
            "create function house.odd(jsonb, int, text[]) returns table (before jsonb, subject"
            " text, organization_id text, after jsonb) language sql stable"
            " return ('{}'::jsonb, 'x', 'default', '{}'::jsonb);"
            "grant execute on function house.odd to service_role, super_admin",
            "must return",
        ),
        (
            "create function house.odd(jsonb, int, text[]) returns table (subject text,"
            " organization_id text, before jsonb, after jsonb) language sql stable"
            " return ('x', 'default', '{}'::jsonb, '{}'::jsonb);"
            "revoke all on function house.odd from public",
            "may not execute",
        ),
    ],
)
def test_refuses_what_would_heal_something_else(
    db: Connection, function: str, problem: str
) -> None:
    make_house(db)
    db.execute(function.encode())
    with raises(db, "KD741") as caught:
        register_lamps(db, p_find_function="house.odd")
    assert problem in caught.detail["problem"]


def test_needs_super_admin(db: Connection) -> None:
    make_house(db)
    for role in ("anon", "authenticated", "service_role"):
        become(db, role)
        with raises(db, "42501"):
            register_lamps(db)
        unbecome(db)
