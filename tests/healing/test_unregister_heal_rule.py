"""dbkit.unregister_heal_rule: the rule goes, what it did stays."""

from __future__ import annotations

from tests.healing.parts import RUN, ledger, make_house, register_lamps
from tests.helpers import Connection, become, one, raises

GONE = "select dbkit.unregister_heal_rule(%s)"


def test_removes_the_rule_alone(db: Connection) -> None:
    make_house(db)
    register_lamps(db)
    one(db, RUN, "lamps")
    become(db, "super_admin")
    one(db, GONE, "lamps")
    with raises(db, "KD740"):
        one(db, RUN, "lamps")
    assert ledger(db) == 10


def test_unknown(db: Connection) -> None:
    for rule in ("nothing", None):
        with raises(db, "KD740"):
            one(db, GONE, rule)


def test_needs_super_admin(db: Connection) -> None:
    become(db, "service_role")
    with raises(db, "42501"):
        one(db, GONE, "ready_orders")
