from __future__ import annotations

import json

from tests.events.folding import upcaster
from tests.events.webhooks import (
    append_order,
    call,
    claim,
    deliveries,
    fan_out,
    needs_service,
    opened,
    subscribed,
    within,
)
from tests.helpers import Connection, one, raises


def test_it_is_what_is_sent(database: str) -> None:
    """The bytes that a claim gives: type first, and where the event belongs."""
    with opened(database) as conn:
        subscribed(conn)
        made = append_order(conn, "1", data={"total": 5})
        fan_out(conn)
        body = call(conn, "get_delivery_body", delivery_id=1)
        assert body == claim(conn)[0]["body"]
        read = json.loads(body)
        assert list(read) == ["type", "timestamp", "data", "event"]
        assert (read["type"], read["data"]) == ("OrderPlaced", {"total": 5})
        assert read["timestamp"] == "2026-03-01T00:00:00.000000Z"
        assert read["event"]["event_id"] == made["event_id"]
        assert read["event"]["aggregate_id"] == "1"
        assert read["event"]["version"] == made["version"]


def test_null_where_none_could_be_made(database: str) -> None:
    with opened(database) as conn:
        subscribed(conn)
        append_order(conn, "1", data={"zero": 0})
        bad = upcaster(conn, "bad", "jsonb_build_object('x', 1 / (p_data ->> 'zero')::int)")
        one(conn, "select dbkit.register_upcaster('OrderPlaced', 1, 2, %s)", bad)
        fan_out(conn)
        made = deliveries(conn)[0]
        assert made["status"] == "dead"
        assert call(conn, "get_delivery_body", delivery_id=made["delivery_id"]) is None


def test_one_of_another_organization_is_unknown(db: Connection) -> None:
    delivery = call(db, "send_test_event", subscription_id=subscribed(db))["delivery_id"]
    assert call(db, "get_delivery_body", delivery_id=delivery) is not None
    with raises(db, "KD523") as caught, within(db, "acme"):
        call(db, "get_delivery_body", delivery_id=delivery)
    assert caught.detail == {"delivery_id": delivery}
    with raises(db, "KD523"):
        call(db, "get_delivery_body", delivery_id=0)


def test_needs_service(db: Connection) -> None:
    needs_service(db, "get_delivery_body", delivery_id=1)
