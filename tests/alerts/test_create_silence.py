"""dbkit.create_silence: alerts open and close, and nobody is told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.alerts.parts import (
    alerts,
    call,
    channel,
    minute,
    needs_service,
    notices,
    rule,
    say,
    tick,
)
from tests.helpers import Connection, become, freeze_clock, raises


def silence(conn: Connection, at: float = 0, **given: Any) -> int:
    freeze_clock(conn, minute(at).isoformat())
    arguments = {"rule_pattern": "*", "minutes": 10, "reason": "maintenance"} | given
    return int(call(conn, "create_silence", **arguments))


def test_what_is_still_open_afterwards_is_told(alerting: Connection) -> None:
    channel(alerting)
    rule(alerting, channels=["ops"], repeat_minutes=3)
    silence(alerting)
    say(alerting, 0, 9)
    for at in range(10):
        tick(alerting, at)
    assert notices(alerting) == [("triggered", "ops", "suppressed", "silenced")]
    tick(alerting, 10)
    tick(alerting, 11)
    assert notices(alerting)[1:] == [("repeated", "ops", "pending", None)]


def test_what_began_and_ended_in_it_is_not_told(alerting: Connection) -> None:
    channel(alerting)
    rule(alerting, channels=["ops"])
    silence(alerting)
    say(alerting, 1, 9)
    say(alerting, 2, 1)
    for at in range(13):
        tick(alerting, at)
    assert [each[3] for each in notices(alerting)] == ["silenced", "never_told"]
    assert len(alerts(alerting, "resolved")) == 1


def test_the_end_of_what_was_told_is_told_during_it(alerting: Connection) -> None:
    channel(alerting)
    rule(alerting, channels=["ops"])
    say(alerting, 0, 9)
    say(alerting, 2, 1)
    tick(alerting, 0)
    silence(alerting, 1)
    tick(alerting, 2)
    assert notices(alerting)[-1] == ("resolved", "ops", "pending", None)


@pytest.mark.parametrize(
    ("given", "silenced"),
    [
        ({"rule_pattern": "High*"}, True),
        ({"rule_pattern": "*Rate"}, True),
        ({"rule_pattern": "High Error Rate"}, True),
        ({"rule_pattern": "high*"}, False),
        ({"rule_pattern": "High_Error_Rate"}, False),
        ({"rule_pattern": "%"}, False),
        ({"severity": "warning"}, True),
        ({"severity": "critical"}, False),
        ({"starts_at": "2026-03-01T12:05:00Z"}, False),
    ],
)
def test_matches(given: dict[str, Any], silenced: bool, alerting: Connection) -> None:
    channel(alerting)
    rule(alerting, "High Error Rate", channels=["ops"])
    say(alerting, 0, 9)
    silence(alerting, **given)
    tick(alerting, 1)
    (told,) = notices(alerting)
    assert (told[3] == "silenced") == silenced


def test_of_another_organization_does_not_match(alerting: Connection) -> None:
    channel(alerting)
    rule(alerting, channels=["ops"])
    say(alerting, 0, 9)
    become(alerting, "service_role", organization_id="acme")
    silence(alerting)
    become(alerting, "service_role")
    alerting.execute("reset role")
    tick(alerting, 1)
    assert notices(alerting)[0][2] == "pending"


@pytest.mark.parametrize(
    "wrong",
    [
        {"rule_pattern": ""},
        {"minutes": 0},
        {"minutes": 43201},
        {"reason": ""},
        {"reason": None},
        {"severity": "fatal"},
        {"starts_at": "infinity"},
        {"starts_at": "2020-01-01"},
    ],
)
def test_refuses(wrong: dict[str, Any], alerting: Connection) -> None:
    with raises(alerting, "KD728"):
        silence(alerting, **wrong)


def test_needs_service(alerting: Connection) -> None:
    needs_service(alerting, "select dbkit.create_silence('*', 1, 'r')")
