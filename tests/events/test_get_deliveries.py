from __future__ import annotations

import pytest

from tests.events.webhooks import (
    append_order,
    claim,
    fan_out,
    needs_service,
    opened,
    result,
    settle,
    subscribed,
    within,
)
from tests.helpers import Connection, raises, rows

GET = "select * from dbkit.get_deliveries(%s::uuid, %s, %s, %s, %s)"


def got(
    conn: Connection,
    subscription_id: str | None = None,
    status: str | None = None,
    before_id: int | None = None,
    limit: int | None = 100,
    organization_id: str | None = None,
) -> list[int]:
    found = rows(conn, GET, subscription_id, status, before_id, limit, organization_id)
    return [delivery["delivery_id"] for delivery in found]


def test_newest_first_page_by_page(database: str) -> None:
    with opened(database) as conn:
        subscribed(conn)
        for _ in range(3):
            append_order(conn, "1")
        fan_out(conn)
        assert got(conn, limit=2) == [3, 2]
        assert got(conn, before_id=2) == [1]
        assert got(conn, before_id=1) == []


def test_it_filters_by_subscription_status_and_organization(database: str) -> None:
    with opened(database) as conn:
        first = subscribed(conn)
        append_order(conn, "1")
        fan_out(conn)
        claim(conn)
        with within(conn, "acme"):
            other = subscribed(conn)
            append_order(conn, "1")
        fan_out(conn)
        assert got(conn, first) == got(conn) == [1]
        assert got(conn, other) == []
        assert got(conn, organization_id="acme") == [2]
        assert got(conn, organization_id="*") == [2, 1]
        assert got(conn, status="leased", organization_id="*") == [1]
        assert got(conn, status="pending", organization_id="*") == [2]


def test_it_tells_what_happened_and_what_comes_next(database: str) -> None:
    with opened(database) as conn:
        subscribed(conn, is_ordered=True, retry_schedule=[0, 600])
        append_order(conn, "1")
        append_order(conn, "1")
        fan_out(conn)
        settle(conn, result(claim(conn)[0], 500, duration_ms=7, response="oh"))
        waiting, failed = rows(conn, GET, None, None, None, 100, None)
        assert waiting["next_attempt_at"] is None
        assert waiting["failures"] == []
        assert (failed["status"], failed["attempts"]) == ("retry_wait", 1)
        assert failed["next_attempt_at"] > failed["created_at"]
        assert (failed["last_status_code"], failed["last_duration_ms"]) == (500, 7)
        assert failed["last_error"] == "status: 500"
        assert (failed["event_type"], failed["aggregate_type"]) == ("OrderPlaced", "order")
        assert failed["failures"][0]["response"] == "oh"


@pytest.mark.parametrize("limit", [0, 10001, None])
def test_a_page_has_1_to_10000(db: Connection, limit: int | None) -> None:
    with raises(db, "KD004"):
        got(db, limit=limit)


def test_needs_service(db: Connection) -> None:
    needs_service(db, "get_deliveries")
