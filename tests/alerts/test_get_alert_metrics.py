"""dbkit.get_alert_metrics."""

from __future__ import annotations

from tests.alerts.parts import needs_service
from tests.helpers import Connection, rows


def test_lists_the_documents_metrics(db: Connection) -> None:
    found = {each["metric_type"]: each for each in rows(db, "select * from get_alert_metrics()")}
    assert found.keys() >= {
        "error_rate", "api_latency_p95", "stuck_orders", "payment_failure", "storage_usage",
        "db_connections",
    }  # fmt: skip
    assert (found["error_rate"]["unit"], found["error_rate"]["rules"]) == ("%", 1)


def test_needs_service(alerting: Connection) -> None:
    needs_service(alerting, "select * from dbkit.get_alert_metrics()")
