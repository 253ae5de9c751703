from __future__ import annotations

import datetime
from typing import Any

from tests.events.groups import at, opened
from tests.events.webhooks import (
    append_order,
    claim,
    fan_out,
    needs_service,
    result,
    settle,
    subscribed,
)
from tests.helpers import Connection, connect, one

START = datetime.datetime(2031, 1, 1, tzinfo=datetime.UTC)


def work(conn: Connection) -> dict[str, Any]:
    found = one(conn, "select dbkit.get_event_work()")
    assert isinstance(found, dict)
    return found


def due(conn: Connection) -> float:
    """When a delivery is due, in seconds into 2031."""
    moment = datetime.datetime.fromisoformat(work(conn)["deliveries_due_at"])
    return (moment - START).total_seconds()


def test_it_says_what_there_is_to_do(database: str) -> None:
    with opened(database) as conn:
        at(conn, 0)
        conn.execute("update dbkit.worker_tasks set next_run_at = '2031-01-02'")
        nothing: dict[str, Any] = {
            "fan_out": False,
            "deliveries_due_at": None,
            "projections": [],
            "snapshots": False,
            "tasks": [],
            "newest_position": 0,
        }
        assert work(conn) == nothing
        subscribed(conn, retry_schedule=[10, 100])
        assert work(conn) == nothing
        position = append_order(conn, "a")["position"]
        assert work(conn) == nothing | {"fan_out": True, "newest_position": position}
        fan_out(conn)
        assert not work(conn)["fan_out"]
        # At the earliest: a look says when it is.
        assert due(conn) <= 10
        assert claim(conn) == []
        assert due(conn) == 10
        at(conn, 10)
        it = claim(conn, lease=60)[0]
        assert due(conn) == 70
        settle(conn, result(it, 500))
        assert 90 <= due(conn) <= 130
        at(conn, 130)
        settle(conn, result(claim(conn)[0]))
        assert work(conn)["deliveries_due_at"] is None


def test_the_next_that_is_due_of_all_that_are_active(database: str) -> None:
    with opened(database) as conn:
        at(conn, 0)
        first = subscribed(conn, retry_schedule=[10])
        subscribed(conn, retry_schedule=[20])
        append_order(conn, "a")
        fan_out(conn)
        assert claim(conn) == []
        assert due(conn) == 10
        conn.execute("select dbkit.pause_subscription(%s)", [first])
        assert due(conn) == 20
        conn.execute("select dbkit.resume_subscription(%s)", [first])
        assert due(conn) <= 10


def test_what_an_open_transaction_holds_back_is_no_work_yet(database: str) -> None:
    with opened(database) as conn, connect(database) as slow:
        append_order(slow, "a")
        append_order(conn, "b")
        assert not work(conn)["fan_out"]
        slow.commit()
        assert work(conn)["fan_out"]


def test_tasks_that_are_due(database: str) -> None:
    with opened(database) as conn:
        at(conn, 0)
        conn.execute("update dbkit.worker_tasks set next_run_at = '2031-01-01'")
        assert work(conn)["tasks"]
        assert len(work(conn)["tasks"]) == one(conn, "select count(*) from dbkit.worker_tasks")


def test_it_needs_service_role(db: Connection) -> None:
    needs_service(db, "get_event_work")
