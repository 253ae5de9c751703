from __future__ import annotations

import pytest

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
    subscribed,
    subscription,
)
from tests.helpers import Connection, freeze_clock, raises


def test_null_keeps(db: Connection) -> None:
    freeze_clock(db, "2026-03-01T00:00:00Z")
    found = subscribed(db, aggregate_types=["order"], headers={"a": "b"}, description="d")
    before = subscription(db, found)
    freeze_clock(db, "2026-03-02T00:00:00Z")
    call(db, "update_subscription", subscription_id=found, timeout_seconds=5)
    after = subscription(db, found)
    assert after.pop("updated_at") > before.pop("updated_at")
    assert after == {**before, "timeout_seconds": 5}


def test_an_empty_array_is_all(db: Connection) -> None:
    found = subscribed(db, aggregate_types=["order"], aggregate_ids=["1"])
    call(db, "update_subscription", subscription_id=found, aggregate_types=[], aggregate_ids=[])
    after = subscription(db, found)
    assert (after["aggregate_types"], after["aggregate_ids"]) == (None, None)


def test_new_patterns_hold_for_what_comes_and_the_url_for_what_is_queued(database: str) -> None:
    with opened(database) as conn:
        found = subscribed(conn, event_types=["Order*"])
        append_order(conn, "1")
        fan_out(conn)
        url = "https://new.example/"
        call(conn, "update_subscription", subscription_id=found, url=url, event_types=["a_b", "x*"])
        for event_type in ("OrderPlaced", "aXb", "a_b", "xyz"):
            append_order(conn, "2", event_type)
        fan_out(conn)
        assert [made["position"] for made in deliveries(conn)] == [1, 4, 5]
        assert {got["url"] for got in claim(conn)} == {url}


def test_a_smaller_max_in_flight_narrows_the_window(database: str) -> None:
    with opened(database) as conn:
        found = subscribed(conn)
        for _ in range(3):
            append_order(conn, "1")
        fan_out(conn)
        call(conn, "update_subscription", subscription_id=found, max_in_flight=1)
        assert queue(conn, found)["send_window"] == 1
        assert len(claim(conn)) == 1


def test_once_it_is_ordered_a_stream_is_sent_one_by_one(database: str) -> None:
    """Also what was queued before."""
    with opened(database) as conn:
        found = subscribed(conn, max_in_flight=10)
        for order in ("1", "1", "2"):
            append_order(conn, order)
        fan_out(conn)
        call(conn, "update_subscription", subscription_id=found, is_ordered=True)
        first = claim(conn)
        assert [got["delivery_id"] for got in first] == [1, 3]
        settle(conn, *map(result, first))
        assert [got["delivery_id"] for got in claim(conn)] == [2]


def test_once_it_is_not_ordered_nothing_waits(database: str) -> None:
    with opened(database) as conn:
        found = subscribed(conn, is_ordered=True)
        for _ in range(2):
            append_order(conn, "1")
        fan_out(conn)
        assert [got["delivery_id"] for got in claim(conn)] == [1]
        call(conn, "update_subscription", subscription_id=found, is_ordered=False)
        assert [got["delivery_id"] for got in claim(conn)] == [2]


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("url", "ftp://example.com/"),
        ("event_types", []),
        ("retry_schedule", []),
        ("timeout_seconds", 31),
        ("max_in_flight", 0),
        ("headers", {"Webhook-Id": "x"}),
        ("disable_after_hours", 0),
        ("disable_after_hours", 8761),
    ],
)
def test_what_create_refuses_it_refuses(db: Connection, argument: str, value: object) -> None:
    found = subscribed(db)
    before = subscription(db, found)
    with raises(db, "KD521") as caught:
        call(db, "update_subscription", subscription_id=found, **{argument: value})
    assert caught.detail == {"argument": f"p_{argument}"}
    assert subscription(db, found) == before


def test_one_of_another_organization_is_unknown(db: Connection) -> None:
    knows_only_its_own(db, "update_subscription", description="x")


def test_needs_service(db: Connection) -> None:
    needs_service(db, "update_subscription", subscription_id=subscribed(db))
