"""dbkit.explain_alert."""

from __future__ import annotations

import pytest

from tests.alerts.parts import alerts, call, minute, needs_service, rule, say, tick
from tests.helpers import Connection, freeze_clock, raises


def test_says_why_with_the_series_the_notices_and_the_deployment(alerting: Connection) -> None:
    rule(alerting, for_minutes=2, channels=["slack"])
    say(alerting, -60, 1)
    freeze_clock(alerting, minute(-4).isoformat())
    alerting.execute("select dbkit.log_deployment('v7', p_deployment_id => 'd7')")
    say(alerting, -1, 9)
    for at in range(-1, 3):
        tick(alerting, at)
    (alert,) = alerts(alerting)
    found = call(alerting, "explain_alert", alert_id=alert["id"])
    assert found["alert"]["rule_name"] == "X"
    assert found["rule"]["threshold"] == 5
    assert "the rule waits 2 min" in found["why"][1]
    values = [each["value"] for each in found["series"]]
    assert (len(values), values[0], values[-1]) == (30, 1, 9)
    assert all(each["error"] is None for each in found["series"])
    (notice,) = found["notices"]
    assert (notice["channel"], notice["reason"]) == ("slack", "no_channel")
    shift = found["deployment"]
    assert (shift["deployment_id"], shift["window_minutes"]) == ("d7", 5)
    assert (shift["before"], shift["after"], shift["shift"]) == (1, 9, 8)


def test_after_the_rule_has_gone_wrong_or_away(alerting: Connection) -> None:
    rule(alerting)
    say(alerting, 0, 9)
    tick(alerting, 0)
    number = alerts(alerting)[0]["id"]
    call(alerting, "acknowledge_alert", alert_id=number, note="on it")
    call(alerting, "delete_alert_rule", name="X")
    found = call(alerting, "explain_alert", alert_id=number)
    assert found["deployment"] is None
    assert any("on it" in sentence for sentence in found["why"])
    assert any("the rule was deleted" in sentence for sentence in found["why"])
    alerting.execute("drop table public.probe_values")
    broken = call(alerting, "explain_alert", alert_id=number)
    assert broken["series"][0]["error"].startswith("42P01")


@pytest.mark.parametrize("number", [None, 0, 99])
def test_refuses(number: int | None, alerting: Connection) -> None:
    with raises(alerting, "KD725"):
        call(alerting, "explain_alert", alert_id=number)


def test_needs_service(alerting: Connection) -> None:
    rule(alerting)
    say(alerting, 0, 9)
    tick(alerting, 0)
    needs_service(alerting, f"select dbkit.explain_alert({alerts(alerting)[0]['id']})")
