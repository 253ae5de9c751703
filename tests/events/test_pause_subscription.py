from __future__ import annotations

from tests.events.webhooks import (
    append_order,
    call,
    claim,
    deliveries,
    fan_out,
    knows_only_its_own,
    needs_service,
    opened,
    result,
    settle,
    statuses,
    subscribed,
    subscription,
)
from tests.helpers import Connection, freeze_clock, raises


def test_it_queues_up_and_is_not_claimed(database: str) -> None:
    with opened(database) as conn:
        paused = subscribed(conn)
        other = subscribed(conn)
        append_order(conn, "1")
        fan_out(conn)
        call(conn, "pause_subscription", subscription_id=paused)
        append_order(conn, "2")
        assert fan_out(conn)["deliveries"] == 2
        assert [str(got["subscription_id"]) for got in claim(conn)] == [other, other]
        left = [made for made in deliveries(conn) if made["status"] == "pending"]
        assert [str(made["subscription_id"]) for made in left] == [paused, paused]


def test_what_is_leased_can_still_be_settled(database: str) -> None:
    with opened(database) as conn:
        paused = subscribed(conn)
        append_order(conn, "1")
        append_order(conn, "2")
        fan_out(conn)
        done, failed = claim(conn)
        call(conn, "pause_subscription", subscription_id=paused)
        answer = settle(conn, result(done), result(failed, 500))
        assert answer == {"settled": 2, "stale": []}
        assert statuses(conn) == ["delivered", "retry_wait"]
        assert claim(conn) == []


def test_again_it_does_nothing(db: Connection) -> None:
    paused = subscribed(db)
    freeze_clock(db, "2026-03-01T00:00:00Z")
    call(db, "pause_subscription", subscription_id=paused)
    before = subscription(db, paused)
    assert before["status"] == "paused"
    freeze_clock(db, "2026-03-02T00:00:00Z")
    call(db, "pause_subscription", subscription_id=paused)
    assert subscription(db, paused) == before


def test_a_disabled_one_is_refused(db: Connection) -> None:
    found = subscribed(db)
    call(db, "disable_subscription", subscription_id=found, reason="gone")
    with raises(db, "KD524") as caught:
        call(db, "pause_subscription", subscription_id=found)
    assert caught.detail["reason"] == "gone"
    assert subscription(db, found)["status"] == "disabled"


def test_one_of_another_organization_is_unknown(db: Connection) -> None:
    found = knows_only_its_own(db, "pause_subscription")
    assert subscription(db, found)["status"] == "active"


def test_needs_service(db: Connection) -> None:
    needs_service(db, "pause_subscription", subscription_id=subscribed(db))
