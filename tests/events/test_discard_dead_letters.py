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
from tests.helpers import Connection, raises, rows


def test_a_letter_is_closed_with_its_reason_all_or_none(database: str) -> None:
    with opened(database) as conn:
        at(conn, 0)
        subscribed(conn, retry_schedule=[0])
        for n in range(2):
            append_order(conn, f"o{n}")
        fan_out(conn)
        settle(conn, *(result(it, 500) for it in claim(conn)))
        found = rows(conn, "select * from dbkit.get_dead_letters()")
        ids = [it["dead_letter_id"] for it in found]
        for reason in (None, "", "  ", "x" * 501):
            with raises(conn, "KD004"):
                call(conn, "discard_dead_letters", dead_letter_ids=ids, reason=reason)
        for wrong in ([], None, [1] * 10001):
            with raises(conn, "KD004"):
                call(conn, "discard_dead_letters", dead_letter_ids=wrong, reason="r")
        with raises(conn, "KD525"):
            call(conn, "discard_dead_letters", dead_letter_ids=[*ids, 10**9], reason="r")
        with raises(conn, "KD525"), within(conn, "other"):
            call(conn, "discard_dead_letters", dead_letter_ids=ids, reason="r")
        assert len(rows(conn, "select * from dbkit.get_dead_letters()")) == 2
        answer = call(
            conn, "discard_dead_letters", dead_letter_ids=[ids[0]] * 2, reason="too old \u2028"
        )
        assert answer == 1
        closed = rows(conn, "select * from dbkit.get_dead_letters(p_status => 'discarded')")
        assert [it["dead_letter_id"] for it in closed] == ids[:1]
        assert closed[0]["detail"] == found[0]["detail"] | {"discarded_because": "too old \u2028"}
        assert closed[0]["resolved_at"] is not None and closed[0]["resolved_by"]
        with raises(conn, "KD525"):
            call(conn, "discard_dead_letters", dead_letter_ids=ids, reason="r")
        assert [d["status"] for d in deliveries(conn)] == ["dead", "dead"]
        assert claim(conn) == []


def test_it_needs_service_role(db: Connection) -> None:
    needs_service(db, "discard_dead_letters", dead_letter_ids=[1], reason="r")
