from __future__ import annotations

import pytest

from tests.events.webhooks import (
    append_order,
    call,
    claim,
    clock,
    fan_out,
    needs_service,
    opened,
    result,
    settle,
    subscribed,
    within,
)
from tests.helpers import Connection, raises, row, rows

GET = "select * from dbkit.get_webhook_delivery_stats(%s::uuid, %s, %s)"


def test_it_counts_rates_and_times(database: str) -> None:
    with opened(database, "2026-03-01T00:00:00Z") as conn:
        subscribed(conn, retry_schedule=[0])
        for order in ("1", "2", "3", "4"):
            append_order(conn, order)
        fan_out(conn)
        clock(conn, "2026-03-01T00:00:02Z")
        good, bad = claim(conn)
        settle(conn, result(good, duration_ms=40))
        settle(conn, result(bad, None, error="timeout: 20 s"))
        clock(conn, "2026-03-01T00:00:10Z")
        found = row(conn, GET, None, 24, None)
        counts = {name: found[name] for name in ("pending", "leased", "delivered", "dead")}
        assert counts == {"pending": 2, "leased": 0, "delivered": 1, "dead": 1}
        assert (found["success_rate"], found["average_attempts"]) == (0.5, 1.0)
        assert found["p50_duration_ms"] == found["p95_duration_ms"] == 40
        assert found["p50_latency_ms"] == found["p95_latency_ms"] == 2000
        assert found["oldest_waiting_s"] == 10
        assert found["failures"] == {"timeout": 1}


def test_what_is_older_does_not_count_but_what_waits_does(database: str) -> None:
    with opened(database, "2026-03-01T00:00:00Z") as conn:
        subscribed(conn)
        append_order(conn, "1")
        fan_out(conn)
        clock(conn, "2026-03-01T02:00:00Z")
        found = row(conn, GET, None, 1, None)
        assert (found["pending"], found["oldest_waiting_s"]) == (0, 7200)
        assert row(conn, GET, None, 2, None)["pending"] == 1


def test_one_without_deliveries_has_zeros(db: Connection) -> None:
    found = row(db, GET, subscribed(db), 24, None)
    assert (found["delivered"], found["success_rate"], found["failures"]) == (0, None, {})


def test_of_the_own_organization_of_another_or_of_all(db: Connection) -> None:
    own, deleted = subscribed(db), subscribed(db)
    call(db, "delete_subscription", subscription_id=deleted)
    with within(db, "acme"):
        other = subscribed(db)
    got = {
        organization: [
            str(found["subscription_id"]) for found in rows(db, GET, None, 24, organization)
        ]
        for organization in (None, "acme", "*")
    }
    assert got == {None: [own], "acme": [other], "*": [other, own]}


@pytest.mark.parametrize("hours", [0, 8761, None])
def test_hours_are_at_most_a_year(db: Connection, hours: int | None) -> None:
    with raises(db, "KD004"):
        rows(db, GET, None, hours, None)


def test_needs_service(db: Connection) -> None:
    needs_service(db, "get_webhook_delivery_stats")


def test_hours_beyond_all_time_are_refused_as_others_are(db: Connection) -> None:
    with raises(db, "KD004"):
        rows(db, GET, None, 2**31 - 1, None)
