"""dbkit.metric_event_count."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.helpers import Connection, become, raises, row, unbecome
from tests.metrics.parts import add_days, record, roll_up

COUNT = "select * from dbkit.metric_event_count(%s, %s, %s::jsonb)"
FAILURES = '{"event_type": "order_event", "match": {"event": "payment_failure"}}'


def count(conn: Connection, params: str, window: int = 15) -> int:
    found = row(conn, COUNT, datetime.now(UTC), window, params)
    assert found["value"] == found["samples"]
    return int(found["samples"])


@pytest.mark.parametrize("rolled", [True, False])
def test_counts_what_matches(db: Connection, rolled: bool) -> None:
    add_days(db, 1)
    at = datetime.now(UTC) - timedelta(minutes=10)
    for n in range(3):
        record(db, "order_event", {"event": "payment_failure", "order_id": n}, at)
    record(db, "order_event", {"event": "placed", "order_id": 1}, at)
    record(db, "error", {"error_type": "payment_failure"}, at)
    if rolled:
        roll_up(db)
    assert count(db, FAILURES) == 3
    assert count(db, '{"event_type": "order_event"}') == 4
    assert count(db, '{"event_type": "order_event", "match": null}') == 4
    assert count(db, '{"event_type": "order_event", "match": {"order_id": 1}}') == 2
    both = '{"event_type": "order_event", "match": {"event": "placed", "order_id": 1}}'
    assert count(db, both) == 1
    assert count(db, FAILURES, 5) == 0


def test_none_is_a_number_too(db: Connection) -> None:
    assert count(db, FAILURES) == 0
    roll_up(db)
    assert count(db, FAILURES) == 0


def test_can_be_of_one_organization(db: Connection) -> None:
    become(db, "service_role", organization_id="acme")
    record(db, "order_event", {"event": "payment_failure"})
    unbecome(db)
    record(db, "order_event", {"event": "payment_failure", "order_id": 3})
    assert count(db, FAILURES[:-1] + ', "organization": "acme"}') == 1
    other = '{"event_type": "order_event", "match": {"order_id": 3}, "organization": "acme"}'
    assert count(db, other) == 0


@pytest.mark.parametrize("params", ['{"event_type": "nope"}', "{}", None])
def test_refuses_a_type_that_is_not_registered(db: Connection, params: str | None) -> None:
    with raises(db, "KD702"):
        row(db, COUNT, datetime.now(UTC), 5, params)


def test_is_for_the_service(db: Connection) -> None:
    become(db, "authenticated")
    with raises(db, "42501"):
        count(db, FAILURES)
