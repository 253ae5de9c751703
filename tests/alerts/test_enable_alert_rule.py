"""dbkit.enable_alert_rule."""

from __future__ import annotations

from tests.alerts.parts import alerts, call, needs_service, rule, say, state, tick
from tests.helpers import Connection, raises


def test_off_resolves_and_on_begins_anew(alerting: Connection) -> None:
    rule(alerting)
    say(alerting, 0, 9)
    tick(alerting, 0)
    call(alerting, "enable_alert_rule", name="X", enabled=False)
    (alert,) = alerts(alerting)
    assert (alert["status"], alert["resolution_note"]) == ("resolved", "the rule was disabled")
    assert (tick(alerting, 1)["evaluated"], state(alerting)) == (0, "ok")
    call(alerting, "enable_alert_rule", name="X")
    assert tick(alerting, 2)["fired"] == 1


def test_refuses(alerting: Connection) -> None:
    with raises(alerting, "KD720"):
        call(alerting, "enable_alert_rule", name="none")
    with raises(alerting, "KD721"):
        call(alerting, "enable_alert_rule", name="X", enabled=None)


def test_needs_service(alerting: Connection) -> None:
    rule(alerting)
    needs_service(alerting, "select dbkit.enable_alert_rule('X')")
