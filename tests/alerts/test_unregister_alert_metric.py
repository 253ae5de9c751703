"""dbkit.unregister_alert_metric."""

from __future__ import annotations

from tests.alerts.parts import call, rule
from tests.helpers import Connection, become, raises


def test_forgets_what_no_rule_watches(alerting: Connection) -> None:
    rule(alerting)
    with raises(alerting, "KD733") as caught:
        call(alerting, "unregister_alert_metric", metric_type="probe")
    assert caught.detail["rules"] == ["X"]
    call(alerting, "delete_alert_rule", name="X")
    assert call(alerting, "unregister_alert_metric", metric_type="probe") is True
    assert call(alerting, "unregister_alert_metric", metric_type="probe") is False


def test_needs_super_admin(alerting: Connection) -> None:
    become(alerting, "service_role")
    with raises(alerting, "42501"):
        call(alerting, "unregister_alert_metric", metric_type="probe")
