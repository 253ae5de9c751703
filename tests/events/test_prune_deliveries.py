from __future__ import annotations

from tests.events.groups import at, opened
from tests.events.webhooks import (
    append_order,
    call,
    claim,
    deliveries,
    fan_out,
    needs_service,
    result,
    settle,
    subscribed,
)
from tests.helpers import Connection, one, raises, rows

DAY = 86400
MESSAGES = "select count(*) from dbkit.event_webhook_messages"


def test_only_what_was_done_long_ago_goes(database: str) -> None:
    with opened(database) as conn:
        at(conn, 0)
        subscribed(conn, retry_schedule=[0], max_in_flight=4)
        for n in range(5):
            append_order(conn, f"o{n}")
        fan_out(conn)
        first, second = claim(conn)
        settle(conn, result(first), result(second))
        third, *_ = claim(conn, limit=1)
        settle(conn, result(third, 500))
        fourth = claim(conn)[0]
        at(conn, 30 * DAY)
        assert call(conn, "prune_deliveries") == 0
        at(conn, 30 * DAY + 1)
        assert call(conn, "prune_deliveries", limit=1) == 1
        assert call(conn, "prune_deliveries") == 1
        # The dead one has an open letter, one is leased, one waits.
        left = [third["delivery_id"], fourth["delivery_id"]]
        assert [d["delivery_id"] for d in deliveries(conn)][:2] == left
        assert [d["status"] for d in deliveries(conn)] == ["dead", "leased", "pending"]
        assert one(conn, MESSAGES) == 3
        letter = one(conn, "select dead_letter_id from dbkit.event_dead_letters")
        call(conn, "discard_dead_letters", dead_letter_ids=[letter], reason="r")
        assert call(conn, "prune_deliveries") == 1
        # It was queued long ago and is done just now.
        settle(conn, result(fourth))
        assert call(conn, "prune_deliveries", older_than="1 hour") == 0
        at(conn, 30 * DAY + 3700)
        assert call(conn, "prune_deliveries", older_than="1 hour") == 1
        assert one(conn, MESSAGES) == 1
        assert one(conn, "select count(*) from dbkit.event_store") == 5
        # What is pruned is not queued again.
        fan_out(conn)
        assert len(deliveries(conn)) == 1


def test_a_message_goes_with_its_last_delivery(database: str) -> None:
    with opened(database) as conn:
        at(conn, 0)
        subscribed(conn)
        subscribed(conn)
        append_order(conn, "a")
        fan_out(conn)
        first, second = claim(conn)
        settle(conn, result(first))
        at(conn, 10 * DAY)
        assert call(conn, "prune_deliveries", older_than="1 day") == 1
        assert one(conn, MESSAGES) == 1
        again = claim(conn)
        assert [it["body"] for it in again] == [second["body"]]
        settle(conn, result(again[0]))
        at(conn, 20 * DAY)
        assert call(conn, "prune_deliveries", older_than="1 day") == 1
        assert one(conn, MESSAGES) == 0
        assert rows(conn, "select * from dbkit.event_delivery_log") == []


def test_arguments_and_roles(db: Connection) -> None:
    for older_than, limit in (
        ("59 minutes", 1),
        ("-1 day", 1),
        (None, 1),
        ("1 day", 0),
        ("1 day", 100001),
        ("1 day", None),
    ):
        with raises(db, "KD004"):
            call(db, "prune_deliveries", older_than=older_than, limit=limit)
    needs_service(db, "prune_deliveries")
