"""dbkit.settle_alert_notification."""

from __future__ import annotations

import pytest

from tests.alerts.outbox import claim, queued, settle
from tests.alerts.parts import minute, needs_service
from tests.helpers import Connection, freeze_clock, one, raises, rows


def test_sent(alerting: Connection) -> None:
    queued(alerting, "a", "b")
    for each in claim(alerting):
        assert settle(alerting, each) == {"status": "sent", "attempts": 1, "next_attempt_at": None}
    assert one(alerting, "select channels_notified from dbkit.get_alerts()") == ["a", "b"]


def test_a_failure_is_tried_again_later_and_later(alerting: Connection) -> None:
    queued(alerting, "a")
    expected = [10, 60, 300, 900, 3600, 10800, 21600]
    at = 0.0
    for seconds in expected:
        freeze_clock(alerting, minute(at).isoformat())
        (claimed,) = claim(alerting)
        done = settle(alerting, claimed, "timeout: none")
        assert done["status"] == "retry_wait"
        (row,) = rows(alerting, "select * from dbkit.get_alert_notifications()")
        wait = (row["next_attempt_at"] - minute(at)).total_seconds()
        assert 0.8 * seconds <= wait <= 1.2 * seconds
        at += wait / 60
    freeze_clock(alerting, minute(at).isoformat())
    (claimed,) = claim(alerting)
    assert settle(alerting, claimed, "timeout: none")["status"] == "dead"
    (row,) = rows(alerting, "select * from dbkit.get_alert_notifications()")
    assert (row["attempts"], row["last_error"]) == (8, "timeout: none")


@pytest.mark.parametrize("late", ["token", "twice", "unknown"])
def test_a_late_word_is_refused(late: str, alerting: Connection) -> None:
    queued(alerting, "a")
    (claimed,) = claim(alerting)
    if late == "token":
        freeze_clock(alerting, minute(2).isoformat())
        claim(alerting, "other")
    elif late == "twice":
        settle(alerting, claimed)
    else:
        claimed["notification_id"] = 0
    with raises(alerting, "KD731"):
        settle(alerting, claimed)


def test_needs_service(alerting: Connection) -> None:
    queued(alerting, "a")
    (claimed,) = claim(alerting)
    number = claimed["notification_id"]
    needs_service(alerting, f"select dbkit.settle_alert_notification({number}, 1)")
