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
    within,
)
from tests.helpers import Connection, one, raises, rows


def killed(conn: Connection, count: int = 2) -> tuple[str, list[int]]:
    """A subscription whose deliveries are dead, and the ids of their letters."""
    at(conn, 0)
    subscription_id = subscribed(conn, retry_schedule=[0])
    for n in range(count):
        append_order(conn, f"o{n}")
    fan_out(conn)
    settle(conn, *(result(it, 500) for it in claim(conn)))
    found = rows(conn, "select dead_letter_id from dbkit.event_dead_letters order by 1")
    return subscription_id, [it["dead_letter_id"] for it in found]


def test_a_delivery_is_sent_again_with_all_its_attempts(database: str) -> None:
    with opened(database) as conn:
        _, ids = killed(conn)
        assert call(conn, "requeue_dead_letters", dead_letter_ids=ids[:1]) == 1
        letters = rows(conn, "select * from dbkit.event_dead_letters order by dead_letter_id")
        assert [it["status"] for it in letters] == ["requeued", "open"]
        assert letters[0]["resolved_at"] is not None and letters[0]["resolved_by"]
        log = deliveries(conn)
        assert [(d["status"], d["attempts"], d["replays"]) for d in log] == [
            ("pending", 0, 1),
            ("dead", 1, 0),
        ]
        again = claim(conn)
        assert [(it["webhook_id"], it["attempt"], it["token"]) for it in again] == [
            (log[0]["webhook_id"], 1, 2)
        ]
        # It dies again: a new letter.
        settle(conn, result(again[0], 500))
        found = rows(conn, "select status from dbkit.event_dead_letters order by dead_letter_id")
        assert [it["status"] for it in found] == ["requeued", "open", "open"]


def test_a_groups_letter_too(database: str) -> None:
    with opened(database) as conn:
        _, ids = killed(conn, 1)
        add = "select dbkit._add_dead_letter('default', 'group', 'g', 1, null, 'bad')"
        ids.append(one(conn, add))
        assert call(conn, "requeue_dead_letters", dead_letter_ids=ids) == 2
        found = rows(conn, "select distinct status from dbkit.event_dead_letters")
        assert [it["status"] for it in found] == ["requeued"]


def test_all_or_none(database: str) -> None:
    with opened(database) as conn:
        subscription_id, ids = killed(conn)
        for wrong in ([], None, [1] * 10001):
            with raises(conn, "KD004"):
                call(conn, "requeue_dead_letters", dead_letter_ids=wrong)
        with raises(conn, "KD525") as caught:
            call(conn, "requeue_dead_letters", dead_letter_ids=[*ids, 10**9])
        assert caught.detail == {"dead_letter_ids": [10**9]}
        with raises(conn, "KD525"), within(conn, "other"):
            call(conn, "requeue_dead_letters", dead_letter_ids=ids)
        conn.execute("select dbkit.disable_subscription(%s, 'no')", [subscription_id])
        with raises(conn, "KD524"):
            call(conn, "requeue_dead_letters", dead_letter_ids=ids)
        assert [d["status"] for d in deliveries(conn)] == ["dead", "dead"]
        conn.execute("select dbkit.enable_subscription(%s)", [subscription_id])
        # An id that is given twice counts once; a second time there is none that is open.
        assert call(conn, "requeue_dead_letters", dead_letter_ids=ids + ids) == 2
        with raises(conn, "KD525"):
            call(conn, "requeue_dead_letters", dead_letter_ids=ids)


def test_it_needs_service_role(db: Connection) -> None:
    needs_service(db, "requeue_dead_letters", dead_letter_ids=[1])
