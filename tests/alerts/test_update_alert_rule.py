"""dbkit.update_alert_rule."""

from __future__ import annotations

from tests.alerts.parts import call, needs_service, rule
from tests.helpers import Connection, become, raises, row


def test_changes_what_is_given_and_keeps_the_rest(alerting: Connection) -> None:
    rule(alerting, for_minutes=3, channels=["email"])
    before = row(alerting, "select * from dbkit.get_alert_rules('X')")
    call(alerting, "update_alert_rule", name="X", threshold=7, severity="critical")
    after = row(alerting, "select * from dbkit.get_alert_rules('X')")
    assert after == before | {"threshold": 7, "severity": "critical"}


def test_a_burn_rate_goes_with_an_empty_object(alerting: Connection) -> None:
    windows = [{"factor": 1, "long_minutes": 5, "short_minutes": 1}]
    rule(alerting, burn_rate={"objective": 99, "windows": windows})
    call(alerting, "update_alert_rule", name="X", burn_rate={})
    assert row(alerting, "select * from dbkit.get_alert_rules('X')")["burn_rate"] is None


def test_refuses_what_create_refuses(alerting: Connection) -> None:
    rule(alerting)
    for wrong, code in (({"threshold": "NaN"}, "KD721"), ({"metric_type": "none"}, "KD723")):
        with raises(alerting, code):
            call(alerting, "update_alert_rule", name="X", **wrong)


def test_is_for_the_own_organization(alerting: Connection) -> None:
    rule(alerting)
    become(alerting, "service_role", organization_id="acme")
    with raises(alerting, "KD720"):
        call(alerting, "update_alert_rule", name="X", threshold=7)


def test_needs_service(alerting: Connection) -> None:
    rule(alerting)
    needs_service(alerting, "select dbkit.update_alert_rule('X')")
