from __future__ import annotations

import datetime
import json
from typing import Any

import pytest

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
    subscription,
)
from tests.helpers import Connection, one, raises, rows

Json = dict[str, Any]
START = datetime.datetime(2031, 1, 1, tzinfo=datetime.UTC)
SCHEDULE = [0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]


def after(moment: datetime.datetime) -> float:
    """Seconds into 2031."""
    return (moment - START).total_seconds()


def queued(conn: Connection, count: int = 1) -> None:
    for n in range(count):
        append_order(conn, f"o{n}")
    fan_out(conn)


def retry_delay(conn: Connection, attempt: int, chance: float, retry_after: int | None) -> Any:
    statement = "select dbkit._retry_delay(%s, %s, %s, %s)"
    return one(conn, statement, SCHEDULE, attempt, retry_after, chance)


def test_the_retry_table(db: Connection) -> None:
    for attempt, base in enumerate(SCHEDULE[1:], 1):
        for chance, factor in ((0, 0.8), (0.5, 1), (0.999, 1.1996)):
            assert retry_delay(db, attempt, chance, None) == pytest.approx(base * factor)
        # What the endpoint asks for is a minimum, not a maximum.
        assert retry_delay(db, attempt, 0.5, 1) == base
        assert retry_delay(db, attempt, 0.5, 86400) == 86400
    assert retry_delay(db, 10, 0.5, None) is None
    assert retry_delay(db, 10, 0.5, 60) is None
    assert retry_delay(db, 11, 0.5, None) is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        (" 120\t", 120),
        ("0", 0),
        ("0007", 7),
        ("86400", 86400),
        ("86401", 86400),
        ("9" * 400, 86400),
        ("9" * 401, None),
        ("-5", None),
        ("+5", None),
        ("1.5", None),
        ("1e3", None),
        ("120s", None),
        ("1 2", None),
        ("", None),
        (None, None),
        ("soon", None),
        ("\u0661\u0662", None),
        ("Wed, 01 Jan 2031 00:02:00 GMT", 120),
        ("Wednesday, 01-Jan-31 00:02:00 GMT", 120),
        ("Wed Jan  1 00:02:00 2031", 120),
        ("Fri, 03 Jan 2031 00:00:00 GMT", 86400),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86400),
        ("Tue, 31 Dec 2030 23:59:59 GMT", None),
        ("Wed, 01 Jan 2031 00:00:00 GMT", None),
        ("Thu, 01 Jan 1970 00:00:00 GMT", None),
        ("Wed, 01 Jan 0000 00:00:00 GMT", None),
        ("Wed, 99 Jan 2031 00:00:00 GMT", None),
        ("Wed, 30 Feb 2031 00:00:00 GMT", None),
        ("Wed, 01 Xyz 2031 00:00:00 GMT", None),
        ("Wed, 01 anF 2031 00:00:00 GMT", None),
        ("Wed, 01 Jan 2031 25:00:00 GMT", None),
        ("Wed, 01 Jan 2031 00:02:00 CET", None),
        ("2031-01-01T00:02:00Z", None),
    ],
)
def test_retry_after_as_it_is_read(db: Connection, header: str | None, seconds: int | None) -> None:
    found = one(db, "select dbkit._parse_retry_after(%s, %s)", header, START)
    assert found == seconds


def test_every_attempt_waits_as_the_schedule_says_and_after_the_last_it_is_dead(
    database: str,
) -> None:
    with opened(database) as conn:
        at(conn, 0)
        subscribed(conn)
        queued(conn)
        for attempt, base in enumerate(SCHEDULE[1:], 1):
            it = claim(conn)[0]
            assert (it["attempt"], it["token"]) == (attempt, attempt)
            now = after(one(conn, "select dbkit.clock()"))
            assert settle(conn, result(it, 500)) == {"settled": 1, "stale": []}
            log = deliveries(conn)[0]
            assert (log["status"], log["attempts"], log["finished_at"]) == (
                "retry_wait",
                attempt,
                None,
            )
            due = after(log["next_attempt_at"])
            assert 0.8 * base <= due - now <= 1.2 * base
            at(conn, due - 0.01)
            assert claim(conn) == []
            at(conn, due + 0.01)
        it = claim(conn)[0]
        assert it["attempt"] == 10
        settle(conn, result(it, None, error="timeout: 20 s", response="x" * 5000))
        log = deliveries(conn)[0]
        assert (log["status"], log["attempts"]) == ("dead", 10)
        assert (log["last_error"], log["last_status_code"]) == ("timeout: 20 s", None)
        assert log["finished_at"] is not None
        assert [f["attempt"] for f in log["failures"]] == list(range(1, 11))
        assert log["failures"][-1]["response"] == "x" * 1000
        letters = rows(conn, "select * from dbkit.get_dead_letters()")
        assert [(e["delivery_id"], e["reason"], e["event_type"]) for e in letters] == [
            (log["delivery_id"], "timeout: 20 s", "OrderPlaced")
        ]
        at(conn, 10**8)
        assert claim(conn) == []


CASES: list[tuple[int | None, str | None, str]] = [
    (200, None, "delivered"),
    (201, None, "delivered"),
    (204, None, "delivered"),
    (299, None, "delivered"),
    (200, "", "delivered"),
    (500, "", "retry_wait"),
    (199, None, "retry_wait"),
    (100, None, "retry_wait"),
    (300, None, "retry_wait"),
    (301, None, "retry_wait"),
    (302, None, "retry_wait"),
    (304, None, "retry_wait"),
    (307, None, "retry_wait"),
    (400, None, "retry_wait"),
    (401, None, "retry_wait"),
    (404, None, "retry_wait"),
    (500, None, "retry_wait"),
    (599, None, "retry_wait"),
    (None, "connect: refused", "retry_wait"),
    (None, None, "retry_wait"),
    (200, "protocol: cut short", "retry_wait"),
    (None, "blocked: 127.0.0.1 is private", "dead"),
    (200, "blocked: 127.0.0.1 is private", "dead"),
    (410, None, "dead"),
]
"""Status, error and what becomes of the delivery."""


def test_what_becomes_of_it(database: str) -> None:
    with opened(database) as conn:
        at(conn, 0)
        for number, (status_code, error, status) in enumerate(CASES):
            kind = f"Case{number}"
            subscription_id = subscribed(conn, event_types=[kind])
            append_order(conn, "a", kind)
            fan_out(conn)
            it = claim(conn)[0]
            answer = settle(conn, result(it, status_code, error=error, duration_ms=12))
            assert answer == {"settled": 1, "stale": []}
            log = deliveries(conn)[-1]
            assert (log["status"], log["attempts"]) == (status, 1), (status_code, error)
            assert (log["last_status_code"], log["last_duration_ms"]) == (status_code, 12)
            ending = queue(conn, subscription_id)
            assert ending["in_flight"] == 0
            assert ending["is_active"] == (status_code != 410)
            letters = "select count(*) from dbkit.get_dead_letters() where source_name = %s"
            assert one(conn, letters, subscription_id) == (status == "dead")
            if status == "delivered":
                assert (log["last_error"], log["failures"]) == (None, None)
                assert (ending["send_window"], ending["failing_since"]) == (3, None)
            else:
                expected = error or (f"status: {status_code}" if status_code else "unknown")
                assert log["last_error"] == log["failures"][0]["error"] == expected
                assert (ending["send_window"], after(ending["failing_since"])) == (1, 0)


def test_gone_disables_the_subscription_and_tells(database: str) -> None:
    with opened(database) as conn:
        at(conn, 0)
        subscription_id = subscribed(conn)
        queued(conn, 3)
        first, second = claim(conn)
        settle(conn, result(first, 410))
        it = subscription(conn, subscription_id)
        assert (it["status"], it["disabled_reason"]) == (
            "disabled",
            "the endpoint answered 410 Gone",
        )
        told = rows(
            conn,
            "select event_data from dbkit.event_store"
            " where event_type = 'WebhookSubscriptionDisabled'",
        )
        assert [t["event_data"]["subscription_id"] for t in told] == [subscription_id]
        # What was on its way still counts; the rest waits, and nothing new is made.
        assert settle(conn, result(second))["settled"] == 1
        queued(conn, 2)
        at(conn, 10**6)
        assert claim(conn) == []
        assert [d["status"] for d in deliveries(conn)] == ["dead", "delivered", "pending"]


def test_an_endpoint_that_fails_for_long_is_disabled(database: str) -> None:
    with opened(database) as conn:
        at(conn, 0)
        subscription_id = subscribed(conn, retry_schedule=[0, 5])
        queued(conn, 4)
        settle(conn, result(claim(conn)[0], 500))
        at(conn, 120 * 3600 - 1)
        settle(conn, result(claim(conn)[0], 500))
        assert subscription(conn, subscription_id)["status"] == "active"
        at(conn, 120 * 3600)
        settle(conn, result(claim(conn)[0], 500))
        it = subscription(conn, subscription_id)
        assert (it["status"], it["disabled_reason"]) == (
            "disabled",
            "every attempt has failed for 120 hours",
        )


def test_an_overloaded_endpoint_rests_longer_each_time(database: str) -> None:
    with opened(database) as conn:
        subscription_id = subscribed(conn, retry_schedule=[0, 1, 1])
        now = 0.0
        at(conn, now)
        queued(conn, 20)
        rests = (5, 10, 20, 40, 80, 160, 300, 300)
        for rest, status_code in zip(rests, (429, 502, 504) * 3, strict=False):
            it = claim(conn, limit=1)[0]
            settle(conn, result(it, status_code))
            assert after(queue(conn, subscription_id)["paused_until"]) == now + rest
            at(conn, now + rest - 1)
            assert claim(conn) == []
            now += rest
            at(conn, now)
        assert len(claim(conn)) == 1


def test_retry_after_makes_the_endpoint_rest(database: str) -> None:
    with opened(database) as conn:
        at(conn, 0)
        subscription_id = subscribed(conn, retry_schedule=[0, 5, 5, 5, 5, 5])
        queued(conn, 3)
        first, second = claim(conn)
        settle(conn, result(first, 503, retry_after="600"))
        assert after(queue(conn, subscription_id)["paused_until"]) == 600
        assert after(deliveries(conn)[0]["next_attempt_at"]) == 600
        # A shorter rest does not shorten it; a success that was on its way neither.
        settle(conn, result(second, 200))
        at(conn, 599)
        assert claim(conn) == []
        at(conn, 600)
        due = claim(conn)
        assert len(due) == 2
        for seconds, header, rest in (
            (600, "Wed, 01 Jan 2031 01:00:00 GMT", 3000),
            (4000, "99999999", 86400),
        ):
            at(conn, seconds)
            settle(conn, result(due.pop(), 429, retry_after=header))
            assert after(queue(conn, subscription_id)["paused_until"]) == seconds + rest
        for seconds, header in ((100000, "-5"), (100100, "garbage \u2028"), (100200, "")):
            at(conn, seconds)
            settle(conn, result(claim(conn)[0], 500, retry_after=header))
            assert after(queue(conn, subscription_id)["paused_until"]) <= seconds


def test_ten_failures_in_a_row_make_it_rest_too(database: str) -> None:
    with opened(database) as conn:
        subscription_id = subscribed(conn, retry_schedule=[0])
        at(conn, 0)
        queued(conn, 20)
        now = 0.0
        for number in range(1, 19):
            settle(conn, result(claim(conn, limit=1)[0], 500))
            rest = 0 if number < 10 else min(2 ** (number - 10), 60)
            assert after(queue(conn, subscription_id)["paused_until"]) == now + rest
            now += rest
            at(conn, now)


def test_what_is_stale_or_unknown_is_listed_and_the_rest_is_settled(database: str) -> None:
    with opened(database) as conn:
        at(conn, 0)
        subscription_id = subscribed(conn)
        queued(conn, 2)
        first, second = claim(conn)
        wrong = {**result(second), "token": 2}
        unknown = {"delivery_id": 10**12, "token": 1, "status_code": 200}
        answer = settle(conn, result(first), wrong, unknown, {**unknown, "status_code": 500})
        assert answer["settled"] == 1
        assert sorted(set(answer["stale"])) == [second["delivery_id"], 10**12]
        again = {"settled": 0, "stale": [first["delivery_id"]]}
        assert settle(conn, result(first)) == settle(conn, result(first, 500)) == again
        assert queue(conn, subscription_id)["in_flight"] == 1
        # The same one twice counts once.
        assert settle(conn, result(second), result(second))["settled"] == 1
        assert queue(conn, subscription_id)["in_flight"] == 0
        assert settle(conn) == {"settled": 0, "stale": []}


def test_twenty_failures_are_kept(database: str) -> None:
    with opened(database) as conn:
        subscribed(conn, retry_schedule=[0] * 30)
        at(conn, 0)
        queued(conn)
        for number in range(1, 26):
            at(conn, number * 100)
            settle(conn, result(claim(conn)[0], 500))
        kept = deliveries(conn)[0]["failures"]
        assert [failure["attempt"] for failure in kept] == list(range(6, 26))


def test_texts_survive_and_are_cut(database: str) -> None:
    text = "\u2028 \U0001f98a " * 200
    with opened(database) as conn:
        subscribed(conn)
        at(conn, 0)
        queued(conn)
        settle(conn, result(claim(conn)[0], 500, error=text, response=text))
        log = deliveries(conn)[0]
        assert log["last_error"] == text[:500]
        assert log["failures"][0]["response"] == text[:1000]


def test_arguments_and_roles(db: Connection) -> None:
    for results in (None, "{}", "1", "null", json.dumps([{}] * 10001)):
        with raises(db, "KD004"):
            one(db, "select dbkit.settle_deliveries(%s)", results)
    needs_service(db, "settle_deliveries", results="[]")
