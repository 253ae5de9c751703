"""Rules hold, fire and end alike in a session whose clocks are being changed: as in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from tests.alerts.parts import call, rule
from tests.helpers import Connection, freeze_clock, one, rows
from tests.metrics.test_daylight_saving import CHANGES, in_each_zone

HISTORY = "select triggered_at, resolved_at, status from dbkit.alert_history order by id"
BACKTEST = "select * from dbkit.backtest_rule('X', %s, %s, %s::interval)"


@pytest.fixture(params=CHANGES, ids=["autumn", "spring"])
def change(alerting: Connection, request: pytest.FixtureRequest) -> datetime:
    """The probe is bad from half an hour before the change for an hour and twenty minutes."""
    at: datetime = request.param
    for minutes, value in ((-600, 1), (-30, 9), (50, 1)):
        when = at + timedelta(minutes=minutes)
        alerting.execute("insert into public.probe_values values ('x', %s, %s, 100)", [when, value])
    return at


def test_an_alert_begins_and_ends_at_the_same_time(alerting: Connection, change: datetime) -> None:
    def watch() -> list[Any]:
        rule(
            alerting, for_minutes=40, keep_firing_minutes=30, cooldown_minutes=60, repeat_minutes=20
        )
        for minutes in range(-60, 180, 5):
            now = change + timedelta(minutes=minutes)
            freeze_clock(alerting, now.isoformat())
            call(alerting, "evaluate_alert_rules", now=now)
        notices = rows(
            alerting,
            "select transition, n, created_at from dbkit.alert_notifications order by id",
        )
        return [rows(alerting, HISTORY), notices]

    expected, found = in_each_zone(alerting, watch)
    assert found == expected
    (alert,) = found[0]
    assert alert["triggered_at"] == change + timedelta(minutes=10)
    assert alert["resolved_at"] == change + timedelta(minutes=80)


@pytest.mark.parametrize("step", ["5 minutes", "1 hour", "1 day"])
def test_a_backtest_takes_the_same_steps(alerting: Connection, change: datetime, step: str) -> None:
    rule(alerting)
    begin, end = change - timedelta(days=2), change + timedelta(days=2)
    freeze_clock(alerting, end.isoformat())
    expected, found = in_each_zone(alerting, lambda: rows(alerting, BACKTEST, begin, end, step))
    assert found == expected
    apart = {b["at"] - a["at"] for a, b in pairwise(found)}
    assert apart == {one(alerting, "select %s::interval", step)}


def test_a_silence_ends_at_the_same_time(alerting: Connection, change: datetime) -> None:
    def silence() -> list[Any]:
        freeze_clock(alerting, (change - timedelta(minutes=30)).isoformat())
        call(alerting, "create_silence", rule_pattern="*", minutes=90, reason="night")
        return rows(alerting, "select starts_at, ends_at from dbkit.get_silences()")

    expected, found = in_each_zone(alerting, silence)
    assert found == expected
    assert found[0]["ends_at"].astimezone(UTC) == change + timedelta(minutes=60)
