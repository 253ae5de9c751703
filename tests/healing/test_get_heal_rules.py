"""dbkit.get_heal_rules."""

from __future__ import annotations

from tests.healing.parts import RUN, make_house, register_lamps
from tests.helpers import Connection, become, one, raises, rows

RULES = "select * from dbkit.get_heal_rules()"


def test_the_restaurants_rules_are_the_documents(db: Connection) -> None:
    become(db, "service_role")
    preparing, ready = rows(db, RULES)
    assert (preparing["rule"], ready["rule"]) == ("preparing_orders", "ready_orders")
    assert preparing["params"] == {
        "from": "preparing",
        "to": "ready",
        "after_minutes": 45,
        "reason": "Likely prepared but staff forgot to update",
    }
    assert ready["params"] == {
        "from": "ready",
        "to": "completed",
        "after_minutes": 120,
        "reason": "Likely picked up but staff forgot to complete",
    }
    assert preparing["enabled"] and ready["enabled"] and ready["healing_enabled"]
    assert preparing["last_run_at"] is None


def test_what_is_left_and_how_the_last_run_went(db: Connection) -> None:
    make_house(db)
    register_lamps(db, p_budget_per_hour=30)
    become(db, "service_role")
    one(db, RUN, "lamps")
    found = rows(db, RULES)[-1]
    assert (found["rule"], found["budget_left"], found["last_outcome"]) == ("lamps", 20, "healed")
    assert found["can_undo"] and found["last_error"] is None


def test_needs_service_role(db: Connection) -> None:
    become(db, "authenticated")
    with raises(db, "42501"):
        rows(db, RULES)
