from __future__ import annotations

import uuid

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
from tests.helpers import Connection, one, raises

AT = "2031-01-01T00:00:{:02}Z"


def test_by_id_it_is_sent_again_with_the_same_webhook_id(database: str) -> None:
    with opened(database) as conn:
        at(conn, 0)
        subscription_id = subscribed(conn, retry_schedule=[0, 100])
        for n in range(3):
            append_order(conn, f"o{n}", data={"text": "\u2028"})
        fan_out(conn)
        first, second = claim(conn)
        settle(conn, result(first), result(second, 500))
        ids = [d["delivery_id"] for d in deliveries(conn)]
        # One is delivered, one waits for a retry, one has not been sent.
        answer = call(conn, "replay_deliveries", subscription_id=subscription_id, delivery_ids=ids)
        assert answer == {"replayed": 2, "queued": 0, "next_position": None}
        log = deliveries(conn)
        assert [d["replays"] for d in log] == [1, 1, 0]
        assert [(d["status"], d["attempts"]) for d in log] == [("pending", 0)] * 3
        assert log[0]["finished_at"] is None
        sent = {it["delivery_id"]: it for _ in range(3) for it in claim(conn, limit=1)}
        again = sent[first["delivery_id"]]
        assert (again["webhook_id"], again["body"]) == (first["webhook_id"], first["body"])
        assert (again["token"], again["attempt"]) == (2, 1)
        # What is leased is left alone, and the old lease is no use.
        answer = call(
            conn,
            "replay_deliveries",
            subscription_id=subscription_id,
            delivery_ids=[first["delivery_id"]],
        )
        assert answer["replayed"] == 0
        assert settle(conn, result(first))["settled"] == 0


def test_the_dead_by_status_and_their_letters_are_closed(database: str) -> None:
    with opened(database) as conn:
        at(conn, 0)
        subscription_id = subscribed(conn, retry_schedule=[0])
        for n in range(2):
            append_order(conn, f"o{n}")
        fan_out(conn)
        first, second = claim(conn)
        settle(conn, result(first, 500), result(second))
        answer = call(conn, "replay_deliveries", subscription_id=subscription_id, status="dead")
        assert answer["replayed"] == 1
        assert one(conn, "select status from dbkit.event_dead_letters") == "requeued"
        settle(conn, result(claim(conn)[0], 500))
        assert one(conn, "select count(*) from dbkit.event_dead_letters") == 2
        assert one(conn, "select count(*) from dbkit.get_dead_letters()") == 1


def test_a_range_of_positions_also_queues_what_was_never_queued(database: str) -> None:
    with opened(database) as conn:
        at(conn, 0)
        old = [append_order(conn, f"o{n}")["position"] for n in range(4)]
        subscription_id = subscribed(conn)
        new = append_order(conn, "new")["position"]
        fan_out(conn)
        assert [d["position"] for d in deliveries(conn)] == [new]
        settle(conn, result(claim(conn)[0]))
        answer = call(
            conn,
            "replay_deliveries",
            subscription_id=subscription_id,
            from_position=old[1],
            to_position=old[2],
        )
        assert answer == {"replayed": 0, "queued": 2, "next_position": None}
        answer = call(
            conn, "replay_deliveries", subscription_id=subscription_id, from_position=old[2]
        )
        assert (answer["replayed"], answer["queued"]) == (1, 1)
        assert sorted(d["position"] for d in deliveries(conn)) == [*old[1:], new]
        # With another condition nothing is queued.
        answer = call(
            conn,
            "replay_deliveries",
            subscription_id=subscription_id,
            from_position=0,
            status="delivered",
        )
        assert (answer["replayed"], answer["queued"]) == (0, 0)


def test_by_the_time_of_queueing_the_end_exclusive(database: str) -> None:
    with opened(database) as conn:
        subscription_id = subscribed(conn)
        for second in range(3):
            at(conn, second)
            append_order(conn, f"o{second}")
            fan_out(conn)
            settle(conn, result(claim(conn)[0]))
        answer = call(
            conn,
            "replay_deliveries",
            subscription_id=subscription_id,
            from_time=AT.format(1),
            to_time=AT.format(2),
        )
        assert answer["replayed"] == 1
        assert [d["replays"] for d in deliveries(conn)] == [0, 1, 0]


def test_an_ordered_stream_is_replayed_in_order(database: str) -> None:
    with opened(database) as conn:
        at(conn, 0)
        subscription_id = subscribed(conn, is_ordered=True)
        for _ in range(3):
            append_order(conn, "a")
        fan_out(conn)
        for _ in range(3):
            settle(conn, result(claim(conn)[0]))
        ids = [d["delivery_id"] for d in deliveries(conn)]
        answer = call(
            conn, "replay_deliveries", subscription_id=subscription_id, status="delivered"
        )
        assert answer["replayed"] == 3
        sent = []
        for _ in range(3):
            found = claim(conn)
            assert len(found) == 1
            sent.append(found[0]["delivery_id"])
            settle(conn, result(found[0]))
        assert sent == ids


def test_arguments_and_roles(database: str) -> None:
    with opened(database) as conn:
        subscription_id = subscribed(conn)
        for wrong in ({}, {"status": "pending"}, {"delivery_ids": [1] * 10001}):
            with raises(conn, "KD004"):
                call(conn, "replay_deliveries", subscription_id=subscription_id, **wrong)
        for who in (str(uuid.uuid4()), None):
            with raises(conn, "KD520"):
                call(conn, "replay_deliveries", subscription_id=who, status="dead")
        with raises(conn, "KD520"), within(conn, "other"):
            call(conn, "replay_deliveries", subscription_id=subscription_id, status="dead")
        conn.execute("select dbkit.disable_subscription(%s, 'no')", [subscription_id])
        with raises(conn, "KD524"):
            call(conn, "replay_deliveries", subscription_id=subscription_id, status="dead")


def test_it_needs_service_role(db: Connection) -> None:
    needs_service(db, "replay_deliveries", subscription_id=str(uuid.uuid4()), status="dead")
