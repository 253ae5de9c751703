"""dbkit.get_alert_notifications."""

from __future__ import annotations

from tests.alerts.outbox import claim, queued, settle
from tests.alerts.parts import needs_service
from tests.helpers import Connection, become, raises, rows

GET = "select * from dbkit.get_alert_notifications(%s, %s, %s, %s)"


def test_by_alert_status_and_organization(alerting: Connection) -> None:
    queued(alerting, "a", rules=2)
    first, second = claim(alerting)
    settle(alerting, first)
    assert [each["id"] for each in rows(alerting, GET, None, None, 9, None)] == [
        second["notification_id"], first["notification_id"],
    ]  # fmt: skip
    (sent,) = rows(alerting, GET, None, "sent", 9, None)
    assert (sent["id"], sent["attempts"], sent["next_attempt_at"]) == (
        first["notification_id"], 1, None,
    )  # fmt: skip
    assert len(rows(alerting, GET, second["alert_id"], None, 9, None)) == 1
    become(alerting, "service_role", organization_id="acme")
    assert rows(alerting, GET, None, None, 9, None) == []
    assert len(rows(alerting, GET, None, None, 9, "*")) == 2
    with raises(alerting, "KD004"):
        rows(alerting, GET, None, None, 0, None)


def test_needs_service(alerting: Connection) -> None:
    needs_service(alerting, "select * from dbkit.get_alert_notifications()")
