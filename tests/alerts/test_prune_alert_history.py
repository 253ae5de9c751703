"""dbkit.prune_alert_history."""

from __future__ import annotations

from tests.alerts.outbox import queued
from tests.alerts.parts import call, minute, needs_service, say, tick
from tests.helpers import Connection, freeze_clock, one, raises


def test_old_resolved_alerts_go_with_their_notices(alerting: Connection) -> None:
    queued(alerting, "a")
    say(alerting, 1, 1)
    tick(alerting, 1)
    say(alerting, 2, 9)
    tick(alerting, 2)
    call(alerting, "create_silence", rule_pattern="*", minutes=1, reason="r")
    freeze_clock(alerting, minute(1 + 60 * 48).isoformat())
    assert call(alerting, "prune_alert_history", older_than="2 days 1 second") == 0
    assert call(alerting, "prune_alert_history", older_than="1 day 23 hours") == 1
    assert one(alerting, "select count(*) from dbkit.alert_history") == 1
    assert one(alerting, "select count(*) from dbkit.alert_notifications") == 1
    assert one(alerting, "select count(*) from dbkit.alert_silences") == 0
    for wrong in ("23 hours", None):
        with raises(alerting, "KD004"):
            call(alerting, "prune_alert_history", older_than=wrong)


def test_needs_service(alerting: Connection) -> None:
    needs_service(alerting, "select dbkit.prune_alert_history()")
