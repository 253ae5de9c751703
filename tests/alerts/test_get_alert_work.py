"""dbkit.get_alert_work."""

from __future__ import annotations

from tests.alerts.outbox import claim, queued, settle
from tests.alerts.parts import call, minute, needs_service
from tests.helpers import Connection


def test_says_when_something_is_due(alerting: Connection) -> None:
    assert call(alerting, "get_alert_work") is None
    queued(alerting, "a")
    assert call(alerting, "get_alert_work") == minute(0)
    (claimed,) = claim(alerting)
    assert call(alerting, "get_alert_work") == minute(1)
    settle(alerting, claimed)
    assert call(alerting, "get_alert_work") is None


def test_needs_service(alerting: Connection) -> None:
    needs_service(alerting, "select dbkit.get_alert_work()")
