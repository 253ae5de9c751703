"""How long an order is stuck, and the hours of its health, while a session's clocks are changed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.healing.parts import HEAL, make_house, register_lamps, stuck_orders
from tests.helpers import Connection, freeze_clock, one, rows
from tests.metrics.test_daylight_saving import CHANGES, in_each_zone

VIEW = "select hour, total_orders, stuck_preparing from dbkit.mv_order_health order by 1"


@pytest.mark.parametrize("change", CHANGES, ids=["autumn", "spring"])
def test_an_order_is_stuck_after_as_long(db: Connection, grill: int, change: datetime) -> None:
    """The clock on the wall says 50 minutes less in autumn, and 105 in spring."""

    def heal() -> list[Any]:
        healed = []
        freeze_clock(db, (change - timedelta(minutes=10)).isoformat())
        stuck_orders(db, grill, 1, "preparing", 0)
        for minutes in (34, 36):
            freeze_clock(db, (change + timedelta(minutes=minutes)).isoformat())
            healed.append(one(db, HEAL)["healed"])
        return healed

    expected, found = in_each_zone(db, heal)
    assert found == expected == [0, 1]


@pytest.mark.parametrize("change", CHANGES, ids=["autumn", "spring"])
def test_the_hours_of_the_view_are_those_of_utc(
    db: Connection, grill: int, change: datetime
) -> None:
    for hours in range(-26, 26):
        freeze_clock(db, (change + timedelta(hours=hours, minutes=10)).isoformat())
        stuck_orders(db, grill, 1, "preparing", 5)
    freeze_clock(db, (change + timedelta(hours=26)).isoformat())
    db.execute("select dbkit._make_day_partitions('dbkit.runtime_metrics', 1)")

    def look() -> list[Any]:
        one(db, "select dbkit.refresh_order_health()")
        summaries = [
            one(db, "select dbkit.get_order_health_summary(%s, %s)", grill, hours)
            for hours in (1, 24, 25, 26, 48)
        ]
        for each in summaries:
            each |= {
                key: datetime.fromisoformat(each[key]) for key in ("from_hour", "refreshed_at")
            }
        return [rows(db, VIEW), summaries]

    expected, found = in_each_zone(db, look)
    assert found == expected
    assert [each["total_orders"] for each in found[0]] == [1] * 52


@pytest.mark.parametrize("change", CHANGES, ids=["autumn", "spring"])
def test_the_budget_of_an_hour_is_back_after_an_hour(db: Connection, change: datetime) -> None:
    make_house(db)
    register_lamps(db, p_budget_per_hour=3, p_batch_size=3)

    def heal() -> list[Any]:
        healed = []
        for minutes in (-20, 39, 41):
            freeze_clock(db, (change + timedelta(minutes=minutes)).isoformat())
            healed.append(one(db, "select dbkit.run_heal_rule('lamps') -> 'healed'"))
        return healed

    expected, found = in_each_zone(db, heal)
    assert found == expected == [3, 0, 3]
