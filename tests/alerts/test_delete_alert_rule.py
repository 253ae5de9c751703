"""dbkit.delete_alert_rule."""

from __future__ import annotations

from tests.alerts.parts import alerts, call, channel, needs_service, notices, rule, say, tick
from tests.helpers import Connection, raises


def test_the_alert_is_resolved_and_the_history_stays(alerting: Connection) -> None:
    channel(alerting)
    rule(alerting, channels=["ops"])
    say(alerting, 0, 9)
    tick(alerting, 0)
    call(alerting, "delete_alert_rule", name="X")
    (alert,) = alerts(alerting)
    assert (alert["status"], alert["alert_rule_id"], alert["rule_name"]) == ("resolved", None, "X")
    assert [each[0] for each in notices(alerting)] == ["triggered", "resolved"]
    assert tick(alerting, 1)["evaluated"] == 0
    with raises(alerting, "KD720"):
        call(alerting, "delete_alert_rule", name="X")


def test_needs_service(alerting: Connection) -> None:
    rule(alerting)
    needs_service(alerting, "select dbkit.delete_alert_rule('X')")
