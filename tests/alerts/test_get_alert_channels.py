"""dbkit.get_alert_channels."""

from __future__ import annotations

from tests.alerts.outbox import claim, queued, settle
from tests.alerts.parts import needs_service
from tests.helpers import Connection, become, rows

GET = "select * from dbkit.get_alert_channels(%s)"


def test_says_how_they_are_doing(alerting: Connection) -> None:
    queued(alerting, "a", "b")
    first, second = claim(alerting)
    settle(alerting, first)
    settle(alerting, second, "refused: no")
    a, b = rows(alerting, GET, None)
    assert (a["name"], a["waiting"], a["last_error"]) == ("a", 0, None)
    assert a["last_sent_at"] is not None
    assert (b["name"], b["waiting"], b["last_error"]) == ("b", 1, "refused: no")
    become(alerting, "service_role", organization_id="acme")
    assert rows(alerting, GET, None) == []
    assert len(rows(alerting, GET, "*")) == 2


def test_needs_service(alerting: Connection) -> None:
    needs_service(alerting, "select * from dbkit.get_alert_channels()")
