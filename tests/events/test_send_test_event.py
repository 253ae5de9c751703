from __future__ import annotations

import json

import pytest

from tests.events.webhooks import (
    call,
    claim,
    deliveries,
    knows_only_its_own,
    needs_service,
    subscribed,
)
from tests.helpers import Connection, freeze_clock, raises


def test_it_is_sent_whatever_the_filters(db: Connection) -> None:
    """It has type, timestamp and data, and no event."""
    freeze_clock(db, "2026-03-01T00:00:00Z")
    found = subscribed(db, event_types=["Other"], aggregate_ids=["7"], is_ordered=True)
    answer = call(db, "send_test_event", subscription_id=found, data={"a": 1})
    (got,) = claim(db)
    assert got["delivery_id"] == answer["delivery_id"]
    assert got["webhook_id"] == answer["webhook_id"]
    assert answer["webhook_id"].startswith("msg_")
    assert json.loads(got["body"]) == {
        "type": "dbkit.test",
        "timestamp": "2026-03-01T00:00:00.000000Z",
        "data": {"a": 1},
    }
    assert deliveries(db)[0]["position"] is None


def test_each_is_a_message_of_its_own(db: Connection) -> None:
    found = subscribed(db)
    ids = {call(db, "send_test_event", subscription_id=found)["webhook_id"] for _ in range(3)}
    assert len(ids) == 3
    assert len(claim(db)) == 2


def test_a_paused_one_gets_it_later_and_a_disabled_one_not(db: Connection) -> None:
    found = subscribed(db)
    call(db, "pause_subscription", subscription_id=found)
    call(db, "send_test_event", subscription_id=found)
    assert claim(db) == []
    call(db, "resume_subscription", subscription_id=found)
    assert len(claim(db)) == 1
    call(db, "disable_subscription", subscription_id=found, reason="x")
    with raises(db, "KD524"):
        call(db, "send_test_event", subscription_id=found)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("event_type", ""),
        ("event_type", None),
        ("event_type", "x" * 101),
        ("data", None),
        ("data", {"a": "x" * 65536}),
    ],
)
def test_what_is_malformed_is_refused(db: Connection, argument: str, value: object) -> None:
    with raises(db, "KD004"):
        call(db, "send_test_event", subscription_id=subscribed(db), **{argument: value})
    assert deliveries(db) == []


def test_one_of_another_organization_is_unknown(db: Connection) -> None:
    knows_only_its_own(db, "send_test_event")


def test_needs_service(db: Connection) -> None:
    needs_service(db, "send_test_event", subscription_id=subscribed(db))
