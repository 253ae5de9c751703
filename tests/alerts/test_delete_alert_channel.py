"""dbkit.delete_alert_channel."""

from __future__ import annotations

from tests.alerts.outbox import claim, queued
from tests.alerts.parts import call, channel, needs_service, notices
from tests.helpers import Connection, raises


def test_what_waits_is_not_sent_and_says_why(alerting: Connection) -> None:
    queued(alerting, "a", "b")
    call(alerting, "delete_alert_channel", name="a")
    assert [each["channel"] for each in claim(alerting)] == ["b"]
    assert notices(alerting, channel="a") == [("triggered", "a", "suppressed", "channel_removed")]
    with raises(alerting, "KD729"):
        call(alerting, "delete_alert_channel", name="a")


def test_needs_service(alerting: Connection) -> None:
    channel(alerting)
    needs_service(alerting, "select dbkit.delete_alert_channel('ops')")
