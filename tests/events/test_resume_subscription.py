from __future__ import annotations

import uuid

from tests.events.webhooks import (
    append_order,
    call,
    claim,
    clock,
    fan_out,
    needs_service,
    opened,
    subscribed,
    subscription,
)
from tests.helpers import Connection, freeze_clock, raises


def test_what_queued_up_is_sent_in_order(database: str) -> None:
    with opened(database) as conn:
        found = subscribed(conn)
        call(conn, "pause_subscription", subscription_id=found)
        for order in ("1", "2"):
            append_order(conn, order)
        fan_out(conn)
        assert claim(conn) == []
        call(conn, "resume_subscription", subscription_id=found)
        assert subscription(conn, found)["status"] == "active"
        assert [got["delivery_id"] for got in claim(conn)] == [1, 2]


def test_a_lease_that_ended_meanwhile_is_given_again(database: str) -> None:
    with opened(database, "2026-03-01T00:00:00Z") as conn:
        found = subscribed(conn)
        append_order(conn, "1")
        fan_out(conn)
        first = claim(conn, lease=60)[0]
        call(conn, "pause_subscription", subscription_id=found)
        clock(conn, "2026-03-01T00:02:00Z")
        assert claim(conn) == []
        call(conn, "resume_subscription", subscription_id=found)
        again = claim(conn)[0]
        assert (again["delivery_id"], again["attempt"]) == (first["delivery_id"], 1)
        assert again["token"] > first["token"]


def test_one_that_is_active_stays_as_it_is(db: Connection) -> None:
    freeze_clock(db, "2026-03-01T00:00:00Z")
    found = subscribed(db)
    before = subscription(db, found)
    freeze_clock(db, "2026-03-02T00:00:00Z")
    call(db, "resume_subscription", subscription_id=found)
    assert subscription(db, found) == before


def test_a_disabled_one_is_refused(db: Connection) -> None:
    """It would be active and have missed events."""
    found = subscribed(db)
    call(db, "disable_subscription", subscription_id=found, reason="gone")
    with raises(db, "KD524"):
        call(db, "resume_subscription", subscription_id=found)
    with raises(db, "KD520"):
        call(db, "resume_subscription", subscription_id=uuid.uuid4())


def test_needs_service(db: Connection) -> None:
    needs_service(db, "resume_subscription", subscription_id=subscribed(db))
