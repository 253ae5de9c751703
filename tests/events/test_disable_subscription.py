from __future__ import annotations

import pytest

from tests.events.parts import stored
from tests.events.webhooks import (
    append_order,
    call,
    claim,
    deliveries,
    fan_out,
    knows_only_its_own,
    needs_service,
    opened,
    queue,
    result,
    settle,
    statuses,
    subscribed,
    subscription,
)
from tests.helpers import Connection, raises


def test_nothing_is_queued_for_it_and_what_is_queued_waits(database: str) -> None:
    with opened(database) as conn:
        found = subscribed(conn)
        append_order(conn, "1")
        fan_out(conn)
        call(conn, "disable_subscription", subscription_id=found, reason="too slow")
        append_order(conn, "2")
        assert fan_out(conn)["deliveries"] == 0
        assert statuses(conn) == ["pending"]
        assert claim(conn) == []
        kept = subscription(conn, found)
        assert (kept["status"], kept["disabled_reason"]) == ("disabled", "too slow")
        assert kept["disabled_at"].isoformat() == "2026-03-01T00:00:00+00:00"
        assert kept["disabled_position"] == 1


def test_it_appends_an_event_once(db: Connection) -> None:
    found = subscribed(db)
    for reason in ("first", "second"):
        call(db, "disable_subscription", subscription_id=found, reason=reason)
    events = stored(db, found, "webhook_subscription")
    assert [event["event_type"] for event in events] == ["WebhookSubscriptionDisabled"]
    url = "https://example.com/hook"
    data = {"subscription_id": found, "url": url, "reason": "first"}
    assert events[0]["event_data"] == data
    assert subscription(db, found)["disabled_reason"] == "first"


def test_others_are_told_of_it(database: str) -> None:
    """The event is one like others: whoever subscribes to it gets it, of its organization."""
    with opened(database) as conn:
        watcher = subscribed(conn, event_types=["WebhookSubscription*"])
        found = subscribed(conn)
        call(conn, "disable_subscription", subscription_id=found, reason="x")
        fan_out(conn)
        assert [str(made["subscription_id"]) for made in deliveries(conn)] == [watcher]


def test_a_paused_one_can_be_disabled(db: Connection) -> None:
    found = subscribed(db)
    call(db, "pause_subscription", subscription_id=found)
    call(db, "disable_subscription", subscription_id=found, reason="x")
    assert subscription(db, found)["status"] == "disabled"
    assert not queue(db, found)["is_active"]


def test_410_gone_does_it_by_itself(database: str) -> None:
    with opened(database) as conn:
        found = subscribed(conn)
        append_order(conn, "1")
        fan_out(conn)
        settle(conn, result(claim(conn)[0], 410))
        assert statuses(conn) == ["dead"]
        assert subscription(conn, found)["status"] == "disabled"
        events = stored(conn, found, "webhook_subscription")
        assert [event["event_type"] for event in events] == ["WebhookSubscriptionDisabled"]


@pytest.mark.parametrize("reason", [None, "", "  ", "x" * 501])
def test_a_reason_must_be_given(db: Connection, reason: str | None) -> None:
    found = subscribed(db)
    with raises(db, "KD004") as caught:
        call(db, "disable_subscription", subscription_id=found, reason=reason)
    assert caught.detail == {"argument": "p_reason"}


def test_one_of_another_organization_is_unknown(db: Connection) -> None:
    knows_only_its_own(db, "disable_subscription", reason="x")


def test_needs_service(db: Connection) -> None:
    needs_service(db, "disable_subscription", subscription_id=subscribed(db), reason="x")
