"""dbkit.get_alert_rules."""

from __future__ import annotations

from tests.alerts.parts import alerts, minute, needs_service, rule, say, tick
from tests.helpers import Connection, become, row, rows


def test_says_where_a_rule_stands(alerting: Connection) -> None:
    rule(alerting)
    new = row(alerting, "select * from dbkit.get_alert_rules('X')")
    assert (new["state"], new["evaluated_at"], new["unit"]) == ("ok", None, "%")
    say(alerting, 0, 9, samples=7)
    tick(alerting, 0)
    found = row(alerting, "select * from dbkit.get_alert_rules('X')")
    assert (found["state"], found["evaluated_at"]) == ("firing", minute(0))
    assert (found["last_value"], found["last_samples"]) == (9, 7)
    assert found["open_alert_id"] == alerts(alerting)[0]["id"]


def test_is_of_an_organization_or_of_all(alerting: Connection) -> None:
    rule(alerting, "ours")
    become(alerting, "service_role", organization_id="acme")
    rule(alerting, "theirs")
    names = [each["name"] for each in rows(alerting, "select name from dbkit.get_alert_rules()")]
    assert names == ["theirs"]
    every = rows(alerting, "select name from dbkit.get_alert_rules(p_organization_id => '*')")
    assert {each["name"] for each in every} == {"ours", "theirs"}


def test_needs_service(alerting: Connection) -> None:
    needs_service(alerting, "select * from dbkit.get_alert_rules()")
