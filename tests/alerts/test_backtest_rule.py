"""dbkit.backtest_rule. That it equals Prometheus is shown in test_promtool.py."""

from __future__ import annotations

from typing import Any

import pytest

from tests.alerts.parts import alerts, minute, needs_service, rule, say, tick
from tests.helpers import Connection, freeze_clock, raises, rows


def backtest(
    conn: Connection, to: float = 6, changes: str = "{}", step: str = "1 min"
) -> list[Any]:
    return rows(
        conn, "select * from dbkit.backtest_rule('X', %s, %s, %s::interval, %s)",
        *(minute(0), minute(to), step, changes),
    )  # fmt: skip


@pytest.fixture
def told(alerting: Connection) -> Connection:
    rule(alerting)
    for at, value in ((0, 1), (2, 6), (4, 9), (5, 1)):
        say(alerting, at, value)
    freeze_clock(alerting, minute(60).isoformat())
    return alerting


def test_says_what_the_rule_would_have_done(told: Connection) -> None:
    found = backtest(told)
    assert [each["state"] for each in found] == ["ok", "ok", *["firing"] * 3, "ok", "ok"]
    assert [each["fires"] for each in found].index(True) == 2
    assert (found[2]["at"], found[2]["value"], found[2]["samples"]) == (minute(2), 6, 100)


def test_equals_what_was_evaluated(told: Connection) -> None:
    expected = [each["state"] for each in backtest(told)]
    from tests.alerts.parts import state

    found = []
    for at in range(7):
        tick(told, at)
        found.append(state(told))
    assert found == expected


def test_tries_changes_and_stores_nothing(told: Connection) -> None:
    tried = backtest(told, changes='{"threshold": 8}')
    assert [each["state"] for each in tried].count("firing") == 1
    waits = backtest(told, changes='{"for_minutes": 2, "keep_firing_minutes": 1}')
    assert [each["state"] for each in waits] == [
        "ok", "ok", "pending", "pending", "firing", "firing", "ok",
    ]  # fmt: skip
    assert alerts(told) == []
    assert rows(told, "select from dbkit.alert_rule_states where evaluated_at > '-infinity'") == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ('{"name": "Y"}', "KD721"),
        ('{"threshold": "x"}', "KD721"),
        ('{"threshold": "NaN"}', "KD721"),
        ('{"metric_type": "none"}', "KD723"),
        ("[]", "KD721"),
        ('{"metric_params": {"fails": 1}}', "KD732"),
    ],
)
def test_refuses_changes(changes: str, code: str, told: Connection) -> None:
    with raises(told, code):
        backtest(told, changes=changes)


@pytest.mark.parametrize(
    ("to", "step"), [(-1, "1 min"), (61, "1 hour"), (6, "0"), (6, "-1 min"), (60, "0.1 s")]
)
def test_refuses_times(to: float, step: str, told: Connection) -> None:
    with raises(told, "KD732"):
        backtest(told, to=to + (1 if to > 60 else 0), step=step)


def test_needs_service(told: Connection) -> None:
    needs_service(told, "select * from dbkit.backtest_rule('X', '2026-03-01T12:30Z')")
