from __future__ import annotations

from typing import Any

from tests.events.groups import at, opened
from tests.events.webhooks import (
    append_order,
    call,
    claim,
    fan_out,
    needs_service,
    queue,
    subscribed,
)
from tests.helpers import Connection, raises


def settle_one(conn: Connection, claimed: dict[str, Any], **more: object) -> Any:
    ids = {"delivery_id": claimed["delivery_id"], "token": claimed["token"]}
    return call(conn, "settle_delivery", **(ids | more))


def test_it_says_what_became_of_it(database: str) -> None:
    with opened(database) as conn:
        at(conn, 0)
        subscription_id = subscribed(conn, retry_schedule=[0, 100])
        append_order(conn, "a")
        append_order(conn, "b")
        fan_out(conn)
        first, second = claim(conn)
        assert settle_one(conn, first, status_code=204) == {
            "delivery_id": first["delivery_id"],
            "status": "delivered",
            "attempts": 1,
            "next_attempt_at": None,
        }
        answer = settle_one(conn, second, status_code=503, retry_after="200", response="busy")
        assert (answer["status"], answer["attempts"]) == ("retry_wait", 1)
        assert answer["next_attempt_at"].startswith("2031-01-01T00:03:20")
        at(conn, 200)
        again = claim(conn)[0]
        # Neither status nor error: it failed.
        answer = settle_one(conn, again)
        assert (answer["status"], answer["next_attempt_at"]) == ("dead", None)
        assert queue(conn, subscription_id)["in_flight"] == 0


def test_who_comes_too_late_is_told(database: str) -> None:
    with opened(database) as conn:
        at(conn, 0)
        subscription_id = subscribed(conn)
        append_order(conn, "a")
        fan_out(conn)
        old = claim(conn)[0]
        at(conn, 60)
        new = claim(conn)[0]
        with raises(conn, "KD522") as caught:
            settle_one(conn, old, status_code=200)
        assert caught.detail == {"delivery_id": old["delivery_id"], "token": 1}
        with raises(conn, "KD522"):
            settle_one(conn, old, status_code=500)
        assert queue(conn, subscription_id)["in_flight"] == 1
        settle_one(conn, new, status_code=200)
        for status_code in (200, 500):
            with raises(conn, "KD522"):
                settle_one(conn, new, status_code=status_code)
        with raises(conn, "KD523"):
            call(conn, "settle_delivery", delivery_id=10**12, token=1)


def test_it_needs_service_role(db: Connection) -> None:
    needs_service(db, "settle_delivery", delivery_id=1, token=1)
