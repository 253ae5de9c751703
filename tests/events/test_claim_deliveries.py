from __future__ import annotations

import json
from collections import Counter
from typing import Any

from tests.events.groups import at, opened
from tests.events.webhooks import (
    append_order,
    claim,
    deliveries,
    fan_out,
    needs_service,
    settle,
    subscribe,
)
from tests.helpers import Connection, become, one, raises, row, rows

Json = dict[str, Any]
TEXT = 'Zo\u00eb \U0001f98a \u2028\u2029 " \\ </script> \u4e16\u754c \u202eabc e\u0301'


def done(claimed: Json, status_code: int = 200) -> Json:
    """The result of a claimed delivery."""
    ids = {"delivery_id": claimed["delivery_id"], "token": claimed["token"]}
    return ids | {"status_code": status_code}


def queue(conn: Connection) -> Json:
    statement = """
        select subscription_id, send_window, in_flight, consecutive_failures, failing_since
        from dbkit.event_delivery_queues"""
    return row(conn, statement)


def queued(conn: Connection, streams: int = 1, each: int = 1) -> None:
    """Events of so many streams, round by round, fanned out."""
    for _ in range(each):
        for n in range(streams):
            append_order(conn, f"o{n}")
    fan_out(conn)


def test_a_claim_has_all_that_is_sent(database: str) -> None:
    with opened(database) as conn:
        subscribe(conn, url="https://example.com/h", headers={"x-a": "1"}, timeout_seconds=7)
        at(conn, 0)
        append_order(conn, TEXT, data={"text": TEXT, TEXT: [1.50, None]})
        fan_out(conn)
        found = claim(conn, lease=30, worker="me")
        assert len(found) == 1
        it = found[0]
        log = row(conn, "select * from dbkit.event_delivery_log")
        event = row(conn, "select * from dbkit.event_store")
        assert it["delivery_id"] == log["delivery_id"]
        assert it["organization_id"] == event["organization_id"]
        assert it["subscription_id"] == log["subscription_id"]
        assert it["webhook_id"] == f"msg_{event['event_id'].hex}"
        assert (it["token"], it["attempt"], it["timeout_seconds"]) == (1, 1, 7)
        assert (it["url"], it["headers"]) == ("https://example.com/h", {"x-a": "1"})
        version = "select secrets_version from dbkit.event_subscriptions"
        assert it["secrets_version"] == one(conn, version) > 0
        assert (it["leased_until"] - one(conn, "select dbkit.clock()")).total_seconds() == 30
        assert (log["status"], log["leased_by"], log["attempts"]) == ("leased", "me", 0)
        # The body is the same bytes everywhere, and nothing in it is escaped or changed.
        body = json.loads(it["body"])
        assert list(body) == ["type", "timestamp", "data", "event"]
        assert body["data"] == {"text": TEXT, TEXT: [1.5, None]}
        assert body["event"]["aggregate_id"] == TEXT
        assert "\u2028\u2029" in it["body"] and "\U0001f98a" in it["body"]
        message = one(conn, "select body from dbkit.event_webhook_messages")
        get = "select dbkit.get_delivery_body(%s)"
        assert it["body"] == message == one(conn, get, it["delivery_id"])
        assert claim(conn) == []


def test_the_window_starts_at_two_grows_with_success_and_falls_to_one(database: str) -> None:
    with opened(database) as conn:
        subscribe(conn, max_in_flight=6, retry_schedule=[0, 1000, 1000])
        at(conn, 0)
        queued(conn, 40)
        assert queue(conn)["send_window"] == 2
        first = claim(conn)
        assert len(first) == 2 and claim(conn) == []
        assert queue(conn)["in_flight"] == 2
        settle(conn, *map(done, first))
        second = claim(conn)
        assert len(second) == 4 and claim(conn) == []
        settle(conn, done(second[0]))
        assert (queue(conn)["send_window"], queue(conn)["in_flight"]) == (5, 3)
        third = claim(conn)
        assert len(third) == 2
        settle(conn, *map(done, second[1:] + third))
        assert (queue(conn)["send_window"], queue(conn)["in_flight"]) == (6, 0)
        fourth = claim(conn)
        assert len(fourth) == 6
        settle(conn, done(fourth[0], 500))
        now = queue(conn)
        assert (now["send_window"], now["in_flight"], now["consecutive_failures"]) == (1, 5, 1)
        assert claim(conn) == []
        settle(conn, *(done(it, 500) for it in fourth[1:]))
        now = queue(conn)
        assert (now["send_window"], now["in_flight"], now["consecutive_failures"]) == (1, 0, 6)
        assert now["failing_since"] is not None
        fifth = claim(conn)
        assert len(fifth) == 1
        settle(conn, done(fifth[0]))
        now = queue(conn)
        assert (now["send_window"], now["consecutive_failures"], now["failing_since"]) == (
            2,
            0,
            None,
        )
        assert len(claim(conn)) == 2


def test_a_window_of_one_stays(database: str) -> None:
    with opened(database) as conn:
        subscribe(conn, max_in_flight=1)
        queued(conn, 3)
        for _ in range(3):
            found = claim(conn)
            assert len(found) == 1 and claim(conn) == []
            settle(conn, done(found[0]))
        assert claim(conn) == []


def test_an_expired_lease_is_claimed_again_and_the_old_token_is_stale(database: str) -> None:
    with opened(database) as conn:
        subscribe(conn)
        at(conn, 0)
        queued(conn)
        old = claim(conn, lease=60, worker="a")[0]
        at(conn, 59.9)
        assert claim(conn, worker="b") == []
        at(conn, 60)
        new = claim(conn, worker="b")[0]
        assert new["delivery_id"] == old["delivery_id"]
        assert (old["token"], new["token"], new["attempt"]) == (1, 2, 1)
        assert (new["webhook_id"], new["body"]) == (old["webhook_id"], old["body"])
        for status_code in (200, 500, 410):
            answer = settle(conn, done(old, status_code))
            assert answer == {"settled": 0, "stale": [old["delivery_id"]]}
        with raises(conn, "KD522"):
            one(conn, "select dbkit.settle_delivery(%s, 1, 200)", old["delivery_id"])
        log = deliveries(conn)[0]
        assert (log["status"], log["token"], log["leased_by"]) == ("leased", 2, "b")
        assert queue(conn)["in_flight"] == 1
        assert settle(conn, done(new)) == {"settled": 1, "stale": []}
        assert queue(conn)["in_flight"] == 0
        # Nobody has claimed it meanwhile: who comes late is heard.
        queued(conn)
        late = claim(conn, lease=1)[0]
        at(conn, 100)
        assert settle(conn, done(late)) == {"settled": 1, "stale": []}


def test_only_leases_that_have_ended_come_back_and_first(database: str) -> None:
    with opened(database) as conn:
        subscribe(conn)
        at(conn, 0)
        queued(conn, 4)
        short = claim(conn, limit=1, lease=10)[0]
        long = claim(conn, limit=1, lease=100)[0]
        at(conn, 20)
        again = claim(conn)
        assert [it["delivery_id"] for it in again] == [short["delivery_id"]]
        assert settle(conn, done(long), done(short), done(again[0])) == {"settled": 2, "stale": []}


def test_slots_are_dealt_one_by_one(database: str) -> None:
    with opened(database) as conn:
        for _ in range(3):
            subscribe(conn)
        queued(conn, 5)
        shares = Counter(it["subscription_id"] for it in claim(conn, limit=4))
        assert sorted(shares.values()) == [1, 1, 2]
        assert len(claim(conn, limit=4)) == 2
        assert claim(conn) == []


def test_dead_and_failing_endpoints_keep_nobody_waiting(database: str) -> None:
    each = 5
    with opened(database) as conn:
        for n in range(50):
            subscribe(conn, url=f"https://e{n}.example.com/", retry_schedule=[0, 1, 1, 1])
        at(conn, 0)
        queued(conn, each)
        got: Counter[int] = Counter()
        doubles = 0
        seen = set()
        for second in range(60):
            at(conn, second)
            results = []
            for it in claim(conn, limit=10, lease=5):
                number = int(it["url"].split(".")[0].removeprefix("https://e"))
                if number < 5:
                    continue
                results.append(done(it, 500 if number < 10 else 200))
                if number >= 10:
                    doubles += it["delivery_id"] in seen
                    seen.add(it["delivery_id"])
                    got[number] += 1
            settle(conn, *results)
            if sum(got.values()) == 40 * each:
                break
        assert got == dict.fromkeys(range(10, 50), each)
        assert doubles == 0
        print(f"{second} rounds of 10 for {40 * each} deliveries")


def test_an_ordered_stream_is_sent_one_after_the_other(database: str) -> None:
    with opened(database) as conn:
        subscribe(conn, is_ordered=True, retry_schedule=[0, 10], max_in_flight=10)
        at(conn, 0)
        queued(conn, streams=2, each=3)

        def streams() -> list[tuple[str, int]]:
            claimed.extend(found := claim(conn))
            events = [json.loads(it["body"])["event"] for it in found]
            return sorted((e["aggregate_id"], e["version"]) for e in events)

        claimed: list[Json] = []
        assert streams() == [("o0", 1), ("o1", 1)]
        assert streams() == []
        # o0 fails: it stops its own stream and not the other one.
        by_stream = sorted(claimed, key=lambda it: it["delivery_id"])
        settle(conn, done(by_stream[0], 500), done(by_stream[1]))
        assert streams() == [("o1", 2)]
        settle(conn, done(claimed[-1]))
        assert streams() == [("o1", 3)]
        settle(conn, done(claimed[-1]))
        assert streams() == []
        # Then it is dead, and the next is sent.
        at(conn, 13)
        assert streams() == [("o0", 1)]
        settle(conn, done(claimed[-1], 500))
        assert streams() == [("o0", 2)]
        # What comes later waits behind what is there.
        queued(conn)
        assert streams() == []
        # A lease that ends does not let another one pass.
        at(conn, 100)
        assert streams() == [("o0", 2)]
        settle(conn, done(claimed[-1]))
        assert streams() == [("o0", 3)]
        settle(conn, done(claimed[-1]))
        assert streams() == [("o0", 4)]
        settle(conn, done(claimed[-1]))
        assert Counter(d["status"] for d in deliveries(conn)) == {"delivered": 6, "dead": 1}


def test_the_first_attempt_waits_as_the_schedule_says(database: str) -> None:
    with opened(database) as conn:
        at(conn, 0)
        subscribe(conn, retry_schedule=[30])
        queued(conn)
        assert claim(conn) == []
        at(conn, 29)
        assert claim(conn) == []
        at(conn, 30)
        assert len(claim(conn)) == 1


def test_what_is_paused_or_disabled_is_not_claimed(database: str) -> None:
    with opened(database) as conn:
        subscribe(conn)
        queued(conn)
        subscription = queue(conn)["subscription_id"]
        conn.execute("select dbkit.pause_subscription(%s)", [subscription])
        assert claim(conn) == []
        conn.execute("select dbkit.resume_subscription(%s)", [subscription])
        assert len(claim(conn, lease=1)) == 1
        conn.execute("select dbkit.disable_subscription(%s, 'no')", [subscription])
        at(conn, 10**9)
        assert claim(conn) == []


def test_claims_do_not_wait_for_a_queue_that_is_locked(database: str) -> None:
    with opened(database) as conn, opened(database) as other:
        subscribe(conn)
        subscribe(conn)
        queued(conn)
        held = rows(conn, "select subscription_id from dbkit.event_delivery_queues limit 1")[0]
        with other.transaction():
            other.execute(
                "select from dbkit.event_delivery_queues where subscription_id = %s for update",
                [held["subscription_id"]],
            )
            found = claim(conn)
            assert [it["subscription_id"] == held["subscription_id"] for it in found] == [False]
        assert [it["subscription_id"] for it in claim(conn)] == [held["subscription_id"]]


def test_arguments_and_roles(db: Connection) -> None:
    for worker, limit, lease in (
        ("", 1, 1),
        ("x" * 201, 1, 1),
        (None, 1, 1),
        ("w", 0, 1),
        ("w", 10001, 1),
        ("w", None, 1),
        ("w", 1, 0),
        ("w", 1, 3601),
        ("w", 1, None),
    ):
        with raises(db, "KD004"):
            rows(db, "select * from dbkit.claim_deliveries(%s, %s, %s)", worker, limit, lease)
    needs_service(db, "claim_deliveries", worker="w")
    become(db, "service_role")
    assert claim(db) == []
