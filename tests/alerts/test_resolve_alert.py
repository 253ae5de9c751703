"""dbkit.resolve_alert."""

from __future__ import annotations

from tests.alerts.parts import alerts, call, channel, needs_service, notices, rule, say, state, tick
from tests.helpers import Connection, raises


def test_closes_it_and_tells_so(alerting: Connection) -> None:
    channel(alerting)
    rule(alerting, channels=["ops"])
    say(alerting, 0, 9)
    tick(alerting, 0)
    number = alerts(alerting)[0]["id"]
    call(alerting, "resolve_alert", alert_id=number, note="rolled back")
    (alert,) = alerts(alerting)
    assert (alert["status"], alert["resolved_by"]) == ("resolved", "postgres")
    assert alert["resolution_note"] == "rolled back"
    assert [each[0] for each in notices(alerting)] == ["triggered", "resolved"]
    with raises(alerting, "KD726"):
        call(alerting, "resolve_alert", alert_id=number)
    with raises(alerting, "KD004"):
        call(alerting, "resolve_alert", alert_id=number, note="x" * 501)


def test_fires_again_after_for_and_cooldown(alerting: Connection) -> None:
    rule(alerting, for_minutes=2, cooldown_minutes=4)
    say(alerting, 0, 9)
    for at in range(11):
        tick(alerting, at)
    call(alerting, "resolve_alert", alert_id=alerts(alerting)[0]["id"])
    assert state(alerting) == "ok"
    for at in (11, 13):
        assert tick(alerting, at)["fired"] == 0
    assert tick(alerting, 14)["fired"] == 1


def test_needs_service(alerting: Connection) -> None:
    rule(alerting)
    say(alerting, 0, 9)
    tick(alerting, 0)
    needs_service(alerting, f"select dbkit.resolve_alert({alerts(alerting)[0]['id']})")
