"""dbkit.get_metrics_summary."""

from __future__ import annotations

import pytest

from tests.helpers import Connection, become, one, raises
from tests.metrics.parts import ingest, latency, page, record, roll_up

SUMMARY = "select dbkit.get_metrics_summary(%s)"


@pytest.mark.parametrize("rolled", [True, False])
def test_the_last_hours_in_numbers(db: Connection, rolled: bool) -> None:
    for status in (200, 200, 200, 500):
        latency(db, 40, status=status)
    for session in ("a", "a", "b", None):
        record(db, "error", {"error_type": "t"}, session=session)
    ingest(db, page(), {"event_type": "nope"})
    if rolled:
        roll_up(db)
    found = one(db, SUMMARY, 24)
    assert found["by_type"]["api_latency"] == 4
    assert found["by_type"]["deployment"] == 0
    assert found["total_events"] == 9
    assert (found["errors"], found["error_sessions"], found["page_views"]) == (4, 2, 1)
    assert (found["api_requests"], found["api_errors"], found["error_rate"]) == (4, 1, 25)
    assert (found["avg_latency_ms"], found["p95_latency_ms"]) == (40, 40)
    assert found["dropped"] == 1


def test_without_events_there_is_no_rate(db: Connection) -> None:
    found = one(db, SUMMARY, 1)
    assert (found["total_events"], found["error_rate"], found["avg_latency_ms"]) == (0, None, None)
    assert set(found) == {
        *("hours", "total_events", "by_type", "errors", "error_sessions", "page_views", "dropped"),
        *("api_requests", "api_errors", "error_rate", "avg_latency_ms", "p95_latency_ms"),
    }


def test_is_for_operators(db: Connection) -> None:
    become(db, "authenticated")
    with raises(db, "42501"):
        one(db, SUMMARY, 24)
    become(db, "service_role")
    with raises(db, "KD004"):
        one(db, SUMMARY, 0)
