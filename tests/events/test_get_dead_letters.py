from __future__ import annotations

from typing import Any

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

GET = "select * from dbkit.get_dead_letters(%s, %s, %s, %s, %s)"


def letters(
    conn: Connection,
    source: str | None = None,
    status: str | None = "open",
    before_id: int | None = None,
    limit: int | None = 100,
    organization_id: str | None = None,
) -> list[dict[str, Any]]:
    return rows(conn, GET, source, status, before_id, limit, organization_id)


def test_the_newest_first_in_pages_and_by_source_and_status(database: str) -> None:
    with opened(database) as conn:
        at(conn, 0)
        subscription_id = subscribed(conn, retry_schedule=[0], max_in_flight=1)
        for n in range(3):
            append_order(conn, f"o{n}")
        fan_out(conn)
        for _ in range(3):
            settle(conn, result(claim(conn)[0], None, error="blocked: private"))
        found = letters(conn)
        assert [it["aggregate_id"] for it in found] == ["o2", "o1", "o0"]
        first, log = found[-1], deliveries(conn)[0]
        assert (first["source"], first["source_name"]) == ("webhook", subscription_id)
        assert (first["delivery_id"], first["position"]) == (log["delivery_id"], log["position"])
        assert (first["reason"], first["status"]) == ("blocked: private", "open")
        assert (first["event_type"], first["aggregate_type"]) == ("OrderPlaced", "order")
        assert first["detail"] == {
            "webhook_id": log["webhook_id"],
            "attempts": 1,
            "status_code": None,
        }
        assert (first["resolved_at"], first["resolved_by"]) == (None, None)
        ids = [it["dead_letter_id"] for it in found]
        assert [it["dead_letter_id"] for it in letters(conn, limit=2)] == ids[:2]
        assert [it["dead_letter_id"] for it in letters(conn, before_id=ids[1])] == ids[2:]
        call(conn, "discard_dead_letters", dead_letter_ids=ids[:1], reason="no")
        assert [it["dead_letter_id"] for it in letters(conn)] == ids[1:]
        assert [it["dead_letter_id"] for it in letters(conn, status="discarded")] == ids[:1]
        assert [it["dead_letter_id"] for it in letters(conn, status=None)] == ids
        position = log["position"]
        add = "select dbkit._add_dead_letter('default', 'group', 'g', %s, null, 'bad')"
        group = one(conn, add, position)
        assert [it["dead_letter_id"] for it in letters(conn, "group")] == [group]
        assert [it["dead_letter_id"] for it in letters(conn, "webhook")] == ids[1:]
        assert letters(conn, "projection") == []


def test_of_the_own_organization_or_of_all(database: str) -> None:
    with opened(database) as conn:
        for organization in ("acme", "globex"):
            add = "select dbkit._add_dead_letter(%s, 'group', 'g', null, null, 'bad')"
            one(conn, add, organization)
        assert letters(conn) == []
        assert len(letters(conn, organization_id="*")) == 2
        with within(conn, "acme"):
            assert [it["organization_id"] for it in letters(conn)] == ["acme"]
        found = letters(conn, organization_id="globex")
        assert [it["organization_id"] for it in found] == ["globex"]


def test_arguments_and_roles(db: Connection) -> None:
    for limit in (0, 10001, None):
        with raises(db, "KD004"):
            letters(db, limit=limit)
    needs_service(db, "get_dead_letters")
