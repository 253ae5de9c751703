"""dbkit.set_heal_limits: what is NULL stays."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.helpers import Connection, become, one, raises, row

LIMITS = (
    "select budget_per_hour, trip_share, trip_min, batch_size, enabled from dbkit.heal_rules"
    " where rule = 'ready_orders'"
)


def test_changes_what_is_given(db: Connection) -> None:
    become(db, "super_admin")
    before = row(db, LIMITS)
    one(db, "select dbkit.set_heal_limits('ready_orders', p_trip_min => 7)")
    assert row(db, LIMITS) == before | {"trip_min": 7}
    one(db, "select dbkit.set_heal_limits('ready_orders', 1, 0.25, 2, 3, false)")
    assert row(db, LIMITS) == {
        "budget_per_hour": 1,
        "trip_share": Decimal("0.25"),
        "trip_min": 2,
        "batch_size": 3,
        "enabled": False,
    }
    one(db, "select dbkit.set_heal_limits('ready_orders', p_never_trips => true)")
    assert row(db, LIMITS)["trip_share"] is None


@pytest.mark.parametrize(
    "given",
    ["-1", "p_trip_share => 2", "p_trip_share => 'NaN'", "p_trip_min => 0", "p_batch_size => 0"],
)
def test_refuses(db: Connection, given: str) -> None:
    with raises(db, "KD741"):
        one(db, f"select dbkit.set_heal_limits('ready_orders', {given})")


def test_unknown(db: Connection) -> None:
    with raises(db, "KD740"):
        one(db, "select dbkit.set_heal_limits('nothing', 1)")


def test_needs_super_admin(db: Connection) -> None:
    become(db, "service_role")
    with raises(db, "42501"):
        one(db, "select dbkit.set_heal_limits('ready_orders', 1)")
