"""dbkit.acknowledge_alert."""

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
from tests.helpers import Connection, become, raises


def fired(conn: Connection, **given: Any) -> int:
    channel(conn)
    rule(conn, channels=["ops"], **given)
    say(conn, 0, 9)
    tick(conn, 0)
    return int(alerts(conn)[0]["id"])


def test_is_not_told_again_and_resolves_all_the_same(alerting: Connection) -> None:
    number = fired(alerting, repeat_minutes=2)
    call(alerting, "acknowledge_alert", alert_id=number, note="on it")
    (alert,) = alerts(alerting, "acknowledged")
    assert (alert["acknowledged_by"], alert["acknowledgement_note"]) == ("postgres", "on it")
    assert (alert["acknowledged_at"], alert["acknowledged_until"]) == (minute(0), None)
    for at in range(1, 4):
        tick(alerting, at)
    assert notices(alerting) == [
        ("triggered", "ops", "pending", None),
        ("repeated", "ops", "suppressed", "acknowledged"),
    ]
    say(alerting, 4, 1)
    assert tick(alerting, 4)["resolved"] == 1
    assert notices(alerting)[-1] == ("resolved", "ops", "pending", None)


def test_ends_and_the_alert_is_told_again_once(alerting: Connection) -> None:
    number = fired(alerting)
    call(alerting, "acknowledge_alert", alert_id=number, minutes=5)
    for at in range(1, 10):
        tick(alerting, at)
    assert alerts(alerting)[0]["status"] == "triggered"
    assert [each[0] for each in notices(alerting)] == ["triggered", "repeated"]


def test_the_user_of_the_context_is_kept(alerting: Connection) -> None:
    number = fired(alerting)
    become(alerting, "service_role", user_id="kim")
    call(alerting, "acknowledge_alert", alert_id=number)
    assert alerts(alerting)[0]["acknowledged_by"] == "kim"


def test_refuses(alerting: Connection) -> None:
    number = fired(alerting)
    with raises(alerting, "KD725"):
        call(alerting, "acknowledge_alert", alert_id=number + 1)
    for wrong in ({"minutes": 0}, {"note": "x" * 501}, {"note": None}):
        with raises(alerting, "KD004"):
            call(alerting, "acknowledge_alert", alert_id=number, **wrong)
    call(alerting, "resolve_alert", alert_id=number)
    with raises(alerting, "KD726"):
        call(alerting, "acknowledge_alert", alert_id=number)


@pytest.mark.parametrize("function", ["acknowledge_alert", "resolve_alert", "explain_alert"])
def test_is_for_the_own_organization(function: str, alerting: Connection) -> None:
    number = fired(alerting)
    become(alerting, "service_role", organization_id="acme")
    with raises(alerting, "KD725"):
        call(alerting, function, alert_id=number)


def test_needs_service(alerting: Connection) -> None:
    needs_service(alerting, f"select dbkit.acknowledge_alert({fired(alerting)})")
