"""dbkit.get_alerts."""

from __future__ import annotations

from tests.alerts.parts import call, needs_service, rule, say, tick
from tests.helpers import Connection, become, raises, rows

GET = "select * from dbkit.get_alerts(%s, %s, %s, %s, %s)"


def listed(conn: Connection, *given: object) -> list[str]:
    arguments = [*given, *[None, None, None, 100, None][len(given) :]]
    return [each["rule_name"] for each in rows(conn, GET, *arguments)]


def test_by_status_rule_page_and_organization(alerting: Connection) -> None:
    for name in "ABC":
        rule(alerting, name)
    say(alerting, 0, 9)
    tick(alerting, 0)
    numbers = {
        each["rule_name"]: each["id"] for each in rows(alerting, GET, None, None, None, 9, None)
    }
    call(alerting, "acknowledge_alert", alert_id=numbers["A"])
    call(alerting, "resolve_alert", alert_id=numbers["B"])
    assert listed(alerting) == ["C", "B", "A"]
    assert listed(alerting, "open") == ["C", "A"]
    assert listed(alerting, "triggered") == ["C"]
    assert listed(alerting, "acknowledged") == ["A"]
    assert listed(alerting, "resolved") == ["B"]
    assert listed(alerting, None, "B") == ["B"]
    assert listed(alerting, None, None, numbers["C"]) == ["B", "A"]
    assert listed(alerting, None, None, None, 1) == ["C"]
    become(alerting, "service_role", organization_id="acme")
    assert listed(alerting) == []
    assert len(listed(alerting, None, None, None, 100, "*")) == 3


def test_refuses(alerting: Connection) -> None:
    for wrong in (("closed",), (None, None, None, 0), (None, None, None, 10_001)):
        with raises(alerting, "KD004"):
            listed(alerting, *wrong)


def test_needs_service(alerting: Connection) -> None:
    needs_service(alerting, "select * from dbkit.get_alerts()")
