from __future__ import annotations

import uuid

from tests.events.parts import stored
from tests.events.webhooks import (
    append_order,
    call,
    claim,
    deliveries,
    fan_out,
    needs_service,
    opened,
    queue,
    result,
    settle,
    subscribed,
    subscription,
)
from tests.helpers import Connection, raises


def disable(conn: Connection, subscription_id: str) -> None:
    call(conn, "disable_subscription", subscription_id=subscription_id, reason="x")


def test_with_replay_it_gets_what_it_missed(database: str) -> None:
    """Each event once: before, while it was disabled, and after."""
    with opened(database) as conn:
        found = subscribed(conn, event_types=["Order*"])
        append_order(conn, "1")
        fan_out(conn)
        disable(conn, found)
        append_order(conn, "2")
        append_order(conn, "2", "Other")
        append_order(conn, "3")
        fan_out(conn)
        answer = call(conn, "enable_subscription", subscription_id=found)
        assert answer == {"enabled": True, "queued": 2, "lag": 0}
        append_order(conn, "4")
        fan_out(conn)
        orders = [
            event["position"]
            for order in ("1", "2", "3", "4")
            for event in stored(conn, order, "order")
            if event["event_type"] == "OrderPlaced"
        ]
        assert [made["position"] for made in deliveries(conn)] == orders
        assert len(claim(conn)) == 2


def test_without_replay_it_goes_on_from_now(database: str) -> None:
    with opened(database) as conn:
        found = subscribed(conn, event_types=["Order*"])
        append_order(conn, "1")
        fan_out(conn)
        disable(conn, found)
        append_order(conn, "2")
        fan_out(conn)
        answer = call(conn, "enable_subscription", subscription_id=found, replay=False)
        assert answer == {"enabled": True, "queued": 0, "lag": 0}
        append_order(conn, "3")
        fan_out(conn)
        streams = [stored(conn, order, "order")[0]["position"] for order in ("1", "3")]
        assert [made["position"] for made in deliveries(conn)] == streams


def test_without_replay_it_skips_what_was_not_fanned_out_yet_too(database: str) -> None:
    """All that could be read when it was enabled, from before it was disabled or after."""
    with opened(database) as conn:
        found = subscribed(conn, event_types=["Order*"])
        append_order(conn, "1")
        disable(conn, found)
        append_order(conn, "2")
        answer = call(conn, "enable_subscription", subscription_id=found, replay=False)
        assert answer == {"enabled": True, "queued": 0, "lag": 0}
        append_order(conn, "3")
        while fan_out(conn)["lag"]:
            pass
        third = stored(conn, "3", "order")[0]["position"]
        assert [made["position"] for made in deliveries(conn)] == [third]
        # The beginning stays: the next time with replay does not reach back over it.
        disable(conn, found)
        call(conn, "enable_subscription", subscription_id=found)
        fan_out(conn)
        assert [made["position"] for made in deliveries(conn)] == [third]


def test_what_was_not_fanned_out_yet_comes_once(database: str) -> None:
    with opened(database) as conn:
        found = subscribed(conn, event_types=["Order*"])
        append_order(conn, "1")
        disable(conn, found)
        append_order(conn, "2")
        assert call(conn, "enable_subscription", subscription_id=found)["queued"] == 0
        assert fan_out(conn)["deliveries"] == 2
        assert fan_out(conn)["deliveries"] == 0
        assert [made["webhook_id"] for made in deliveries(conn)] == [
            "msg_" + stored(conn, order, "order")[0]["event_id"].hex for order in ("1", "2")
        ]


def test_it_stays_disabled_until_all_is_queued(database: str) -> None:
    """10000 events are looked at in a call, so that the fan-out does not wait for long."""
    with opened(database) as conn:
        found = subscribed(conn, event_types=["Last"])
        disable(conn, found)
        conn.execute(
            "select dbkit.append_events('order', n::text, (select jsonb_agg(jsonb_build_object("
            "'event_type', 'Many', 'event_data', '{}'::jsonb)) from generate_series(1, 1000)))"
            " from generate_series(1, 10) n"
        )
        append_order(conn, "last", "Last")
        for _ in range(12):
            fan_out(conn)
        first = call(conn, "enable_subscription", subscription_id=found)
        assert not first["enabled"]
        assert first["lag"] > 0
        assert first["queued"] == 0
        assert subscription(conn, found)["status"] == "disabled"
        assert len(stored(conn, found, "webhook_subscription")) == 1
        second = call(conn, "enable_subscription", subscription_id=found)
        assert second == {"enabled": True, "queued": 1, "lag": 0}
        assert subscription(conn, found)["status"] == "active"


def test_the_endpoint_begins_anew(database: str) -> None:
    """Failures are forgotten, and what waits can be sent at once."""
    with opened(database) as conn:
        found = subscribed(conn, event_types=["Order*"], retry_schedule=[0, 0])
        append_order(conn, "1")
        fan_out(conn)
        settle(conn, result(claim(conn)[0], 429, retry_after="3600"))
        assert queue(conn, found)["consecutive_failures"] == 1
        disable(conn, found)
        call(conn, "enable_subscription", subscription_id=found)
        state = queue(conn, found)
        assert (state["consecutive_failures"], state["failing_since"]) == (0, None)
        assert (state["send_window"], state["is_active"]) == (2, True)
        append_order(conn, "2")
        fan_out(conn)
        assert 2 in [got["delivery_id"] for got in claim(conn)]


def test_it_appends_an_event(database: str) -> None:
    with opened(database) as conn:
        found = subscribed(conn)
        disable(conn, found)
        call(conn, "enable_subscription", subscription_id=found)
        events = stored(conn, found, "webhook_subscription")
        types = ["WebhookSubscriptionDisabled", "WebhookSubscriptionEnabled"]
        assert [event["event_type"] for event in events] == types
        data = {"subscription_id": found, "url": "https://example.com/hook"}
        assert events[1]["event_data"] == data
        kept = subscription(conn, found)
        assert (kept["disabled_at"], kept["disabled_reason"]) == (None, None)


def test_one_that_is_not_disabled_stays_as_it_is(database: str) -> None:
    with opened(database) as conn:
        found = subscribed(conn)
        call(conn, "pause_subscription", subscription_id=found)
        append_order(conn, "1")
        fan_out(conn)
        answer = call(conn, "enable_subscription", subscription_id=found)
        assert answer == {"enabled": True, "queued": 0, "lag": 0}
        assert subscription(conn, found)["status"] == "paused"
        assert stored(conn, found, "webhook_subscription") == []
        with raises(conn, "KD520"):
            call(conn, "enable_subscription", subscription_id=uuid.uuid4())


def test_needs_service(db: Connection) -> None:
    needs_service(db, "enable_subscription", subscription_id=subscribed(db))
