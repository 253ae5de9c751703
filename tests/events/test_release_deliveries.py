from __future__ import annotations

import json
from typing import Any

from tests.events.groups import at, opened
from tests.events.webhooks import (
    append_order,
    claim,
    deliveries,
    fan_out,
    needs_service,
    queue,
    result,
    settle,
    subscribed,
)
from tests.helpers import Connection, one, raises


def release(conn: Connection, *claimed: dict[str, Any]) -> int:
    leases = [{"delivery_id": it["delivery_id"], "token": it["token"]} for it in claimed]
    return int(one(conn, "select dbkit.release_deliveries(%s)", json.dumps(leases)))


def test_what_is_given_back_is_due_at_once_and_first(database: str) -> None:
    with opened(database) as conn:
        at(conn, 0)
        subscription_id = subscribed(conn)
        for n in range(4):
            append_order(conn, f"o{n}")
        fan_out(conn)
        first, second = claim(conn)
        assert release(conn, first, second) == 2
        assert release(conn, first, second) == 0
        now = queue(conn, subscription_id)
        assert (now["in_flight"], now["send_window"], now["failing_since"]) == (0, 2, None)
        log = deliveries(conn)[0]
        assert (log["status"], log["attempts"], log["failures"]) == ("pending", 0, None)
        again = claim(conn)
        assert [it["delivery_id"] for it in again] == [
            first["delivery_id"],
            second["delivery_id"],
        ]
        assert [(it["token"], it["attempt"]) for it in again] == [(2, 1), (2, 1)]
        assert release(conn, first) == 0
        assert settle(conn, result(first))["stale"] == [first["delivery_id"]]
        # One of two: the other lease goes on.
        assert release(conn, again[0]) == 1
        assert queue(conn, subscription_id)["in_flight"] == 1
        assert settle(conn, result(again[1]))["settled"] == 1
        assert settle(conn, result(again[0]))["settled"] == 0


def test_a_retry_stays_a_retry_and_an_order_an_order(database: str) -> None:
    with opened(database) as conn:
        at(conn, 0)
        subscribed(conn, is_ordered=True, retry_schedule=[0, 5, 5])
        append_order(conn, "a")
        append_order(conn, "a")
        fan_out(conn)
        settle(conn, result(claim(conn)[0], 500))
        at(conn, 10)
        it = claim(conn)[0]
        assert it["attempt"] == 2
        assert release(conn, it) == 1
        assert [d["status"] for d in deliveries(conn)] == ["retry_wait", "pending"]
        again = claim(conn)
        assert [(e["delivery_id"], e["attempt"]) for e in again] == [(it["delivery_id"], 2)]


def test_a_lease_that_was_taken_over_is_left_alone(database: str) -> None:
    with opened(database) as conn:
        at(conn, 0)
        subscription_id = subscribed(conn)
        append_order(conn, "a")
        fan_out(conn)
        old = claim(conn, lease=1)[0]
        at(conn, 2)
        new = claim(conn)[0]
        unknown = {"delivery_id": 10**12, "token": 1}
        assert release(conn, old, unknown) == 0
        assert queue(conn, subscription_id)["in_flight"] == 1
        assert release(conn, new) == 1


def test_arguments_and_roles(db: Connection) -> None:
    assert release(db) == 0
    for leases in (None, "{}", "1", json.dumps([{}] * 10001)):
        with raises(db, "KD004"):
            one(db, "select dbkit.release_deliveries(%s)", leases)
    needs_service(db, "release_deliveries", leases="[]")
