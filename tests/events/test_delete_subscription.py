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
from tests.helpers import Connection, one, raises, rows


def test_what_is_not_done_is_skipped_and_the_rest_stays(database: str) -> None:
    with opened(database) as conn:
        found = subscribed(conn, event_types=["Order*"])
        kept = subscribed(conn, event_types=["Kept"])
        for order in ("1", "2", "3", "4"):
            append_order(conn, order)
        append_order(conn, "5", "Kept")
        fan_out(conn)
        first, second = (got for got in claim(conn) if str(got["subscription_id"]) == found)
        settle(conn, result(first), result(second, 500))
        leased = [got for got in claim(conn) if str(got["subscription_id"]) == found]
        assert len(leased) == 1
        before = statuses(conn)
        assert before == ["delivered", "retry_wait", "leased", "pending", "leased"]
        assert call(conn, "delete_subscription", subscription_id=found) == 3
        assert statuses(conn) == ["delivered", "skipped", "skipped", "skipped", "leased"]
        assert all(made["finished_at"] for made in deliveries(conn)[:4])
        answer = settle(conn, result(leased[0]))
        assert answer == {"settled": 0, "stale": [leased[0]["delivery_id"]]}
        assert subscription(conn, kept)["status"] == "active"


def test_it_gets_nothing_more(database: str) -> None:
    with opened(database) as conn:
        call(conn, "delete_subscription", subscription_id=subscribed(conn))
        subscribed(conn, event_types=["Other"])
        append_order(conn, "1")
        assert fan_out(conn)["deliveries"] == 0


def test_its_secrets_and_headers_are_gone(db: Connection) -> None:
    found = subscribed(db, headers={"Authorization": "Bearer x"})
    call(db, "rotate_subscription_secret", subscription_id=found)
    call(db, "delete_subscription", subscription_id=found)
    kept = subscription(db, found)
    assert (kept["status"], kept["headers"]) == ("deleted", {})
    assert one(db, "select count(*) from dbkit.event_subscription_secrets") == 0
    assert one(db, "select count(*) from dbkit.event_delivery_queues") == 0
    assert rows(db, "select * from dbkit.get_signing_secrets(array[%s::uuid])", found) == []


def test_then_it_is_unknown(db: Connection) -> None:
    found = subscribed(db)
    call(db, "delete_subscription", subscription_id=found)
    for function in (
        "delete_subscription",
        "pause_subscription",
        "resume_subscription",
        "enable_subscription",
        "rotate_subscription_secret",
        "send_test_event",
        "update_subscription",
    ):
        with raises(db, "KD520") as caught:
            call(db, function, subscription_id=found)
        assert caught.detail == {"subscription_id": found}


def test_a_disabled_one_can_be_deleted(db: Connection) -> None:
    found = subscribed(db)
    call(db, "disable_subscription", subscription_id=found, reason="x")
    assert call(db, "delete_subscription", subscription_id=found) == 0
    assert subscription(db, found)["status"] == "deleted"


def test_one_of_another_organization_is_unknown(db: Connection) -> None:
    knows_only_its_own(db, "delete_subscription")


def test_needs_service(db: Connection) -> None:
    needs_service(db, "delete_subscription", subscription_id=subscribed(db))
