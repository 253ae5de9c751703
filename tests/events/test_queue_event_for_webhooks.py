from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
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
    statuses,
    subscribed,
)
from tests.helpers import Connection, connect, one, raises, row, rows

SECONDS = 2
WRITERS = 6


def drain(conn: Connection) -> None:
    while fan_out(conn)["lag"] != 0:
        pass


def test_each_event_becomes_a_delivery_of_who_wants_it(database: str) -> None:
    with opened(database) as conn:
        append_order(conn, "before")
        everything = subscribed(conn)
        placed = subscribed(conn, event_types=["OrderP*"])
        of_one = subscribed(conn, aggregate_ids=["b"], aggregate_types=["order"])
        subscribed(conn, aggregate_types=["other"])
        expected = []
        for stream, kind in (("a", "OrderPlaced"), ("b", "OrderPaid"), ("b", "OrderSent")):
            position = append_order(conn, stream, kind)["position"]
            wants = {everything} | ({placed} if kind != "OrderSent" else set())
            expected += [(position, who) for who in wants | ({of_one} if stream == "b" else set())]
        answer = fan_out(conn)
        assert answer == {
            "events": 3,
            "deliveries": 7,
            "position": position,
            "lag": 0,
            "busy": False,
        }
        made = [(d["position"], str(d["subscription_id"])) for d in deliveries(conn)]
        assert sorted(made) == sorted(expected)
        assert fan_out(conn)["events"] == 0
        assert len(deliveries(conn)) == 7


def test_it_goes_on_in_pages(database: str) -> None:
    with opened(database) as conn:
        subscribed(conn)
        positions = [append_order(conn, f"o{n}")["position"] for n in range(5)]
        answers = [one(conn, "select dbkit.queue_event_for_webhooks(2)") for _ in range(4)]
        assert [a["events"] for a in answers] == [2, 2, 1, 0]
        assert [a["lag"] for a in answers] == [3, 1, 0, 0]
        assert [d["position"] for d in deliveries(conn)] == positions


def test_without_subscriptions_it_only_moves_on(database: str) -> None:
    with opened(database) as conn:
        position = append_order(conn, "a")["position"]
        answer = fan_out(conn)
        assert (answer["events"], answer["position"], answer["lag"]) == (0, position, 0)


def test_one_at_a_time_and_who_comes_second_is_told(database: str) -> None:
    """Also the very first time: the row that they lock is there from the beginning."""
    with opened(database) as conn, connect(database) as first:
        subscribed(conn)
        append_order(conn, "a")
        assert fan_out(first)["deliveries"] == 1
        busy = {"events": 0, "deliveries": 0, "position": None, "lag": None, "busy": True}
        assert fan_out(conn) == busy
        first.rollback()
        assert fan_out(conn)["deliveries"] == 1


def test_an_open_transaction_is_waited_for_and_not_skipped(database: str) -> None:
    with opened(database) as conn, connect(database) as slow:
        subscribed(conn)
        append_order(slow, "a")
        append_order(conn, "b")
        assert fan_out(conn)["deliveries"] == 0
        slow.commit()
        assert fan_out(conn)["deliveries"] == 2


def write(url: str, seed: int, until: float) -> list[str]:
    """Append with delays and rollbacks; the ids of what is committed."""
    chance = random.Random(seed)
    committed: list[str] = []
    with connect(url) as conn:
        while time.monotonic() < until:
            made = [
                append_order(conn, f"w{seed}-{chance.randrange(5)}")["event_id"]
                for _ in range(chance.choice((1, 1, 2, 3)))
            ]
            time.sleep(chance.choice((0, 0, 0.002, 0.02)))
            if chance.random() < 0.25:
                conn.rollback()
            else:
                conn.commit()
                committed += made
    return committed


def fan_out_until(url: str, done: threading.Event) -> None:
    with opened(url) as conn:
        while not done.is_set():
            fan_out(conn)
        while fan_out(conn)["lag"] != 0:
            pass


def read_naively(url: str, done: threading.Event) -> list[int]:
    """The control: what one writes who does not know."""
    seen: list[int] = []
    statement = "select position from dbkit.event_store where position > %s order by position"
    with opened(url) as conn:
        while True:
            last_look = done.is_set()
            seen += [e["position"] for e in rows(conn, statement, seen[-1] if seen else 0)]
            if last_look:
                return seen


def test_none_is_missed_and_none_doubled_while_others_append(database: str) -> None:
    with opened(database) as conn:
        subscribed(conn)
    done = threading.Event()
    until = time.monotonic() + SECONDS
    with ThreadPoolExecutor(WRITERS + 3) as pool:
        reading = [pool.submit(fan_out_until, database, done) for _ in range(2)]
        naive = pool.submit(read_naively, database, done)
        try:
            writing = [pool.submit(write, database, n, until) for n in range(WRITERS)]
            committed = [event_id for it in writing for event_id in it.result()]
        finally:
            done.set()
        for it in reading:
            it.result()
    with opened(database) as conn:
        drain(conn)
        made = deliveries(conn)
        stored = [
            e["position"]
            for e in rows(conn, "select position from dbkit.event_store order by position")
        ]
    assert [d["position"] for d in made] == stored
    webhook_ids = [f"msg_{event_id.replace('-', '')}" for event_id in committed]
    assert Counter(d["webhook_id"] for d in made) == Counter(webhook_ids)
    missed = len(stored) - len(naive.result())
    print(f"{len(stored)} events, 0 missed; the naive reader missed {missed}")
    assert missed > 0


def work(url: str, seed: int, done: threading.Event, until: float) -> list[tuple[str, int]]:
    """Claim and settle, now and then as failed, until all is done; what was sent, in order."""
    chance = random.Random(seed)
    sent: list[tuple[str, int]] = []
    left = "select count(*) from dbkit.event_delivery_log where status not in ('delivered', 'dead')"
    with opened(url) as conn:
        while time.monotonic() < until:
            results = []
            ending = done.is_set()
            for it in claim(conn, limit=20, worker=f"w{seed}"):
                failed = it["attempt"] < 3 and chance.random() < 0.1
                results.append(result(it, 500 if failed else 200))
                if it["url"].endswith("/ordered") and not failed:
                    event: dict[str, Any] = json.loads(it["body"])["event"]
                    sent.append((event["aggregate_id"], event["version"]))
            if results:
                assert settle(conn, *results)["stale"] == []
            elif ending and one(conn, left) == 0:
                return sent
    raise AssertionError(f"{one(connect(url), left)} deliveries were never claimed")


def test_no_wakeup_is_lost(database: str) -> None:
    with opened(database) as conn:
        subscribed(conn, retry_schedule=[0, 0, 0, 0])
        ordered = "https://example.com/ordered"
        subscribed(conn, url=ordered, is_ordered=True, retry_schedule=[0, 0, 0, 0])
    done = threading.Event()
    start = time.monotonic()
    with ThreadPoolExecutor(7) as pool:
        working = [pool.submit(work, database, n, done, start + 60) for n in range(4)]
        following = pool.submit(fan_out_until, database, done)
        try:
            writing = [pool.submit(write, database, n, start + 1) for n in range(2)]
            committed = [event_id for it in writing for event_id in it.result()]
        finally:
            done.set()
        following.result()
        sent = [each for it in working for each in it.result()]
    with opened(database) as conn:
        found = deliveries(conn)
        queues = rows(conn, "select in_flight from dbkit.event_delivery_queues")
    assert len(found) == 2 * len(committed)
    assert {d["status"] for d in found} == {"delivered"}
    assert [q["in_flight"] for q in queues] == [0, 0]
    assert len(sent) == len(set(sent)) == len(committed)
    # Of each stream, whoever finished an earlier version did so before.
    done_at: dict[str, list[Any]] = {}
    for d in found:
        if d["stream_key"] is not None:
            done_at.setdefault(d["stream_key"], []).append(d["finished_at"])
    assert all(times == sorted(times) for times in done_at.values())


def claimed_after_a_race(url: str) -> int:
    """A claim that has seen one delivery commits after a second one was queued; who gets that?"""
    with opened(url) as conn, connect(url) as claimer, opened(url) as other:
        subscribed(conn)
        append_order(conn, "a")
        fan_out(conn)
        assert len(claim(claimer)) == 1
        append_order(conn, "b")
        with ThreadPoolExecutor(1) as pool:
            queueing = pool.submit(fan_out, other)
            waits = "select cardinality(pg_blocking_pids(%s))"
            while not queueing.done() and not one(conn, waits, other.info.backend_pid):
                pass
            claimer.commit()
            assert queueing.result()["deliveries"] == 1
        return len(claim(conn))


def test_a_claim_cannot_put_its_nothing_is_due_over_what_was_queued(database: str) -> None:
    assert claimed_after_a_race(database) == 1


def test_without_the_lock_of_the_queue_it_does(database: str) -> None:
    """The control: the second one would sleep until somebody settles the first."""
    with connect(database, autocommit=True) as conn:
        conn.execute(
            "create or replace function dbkit._lock_delivery_queues(p_organization_ids text[],"
            " p_subscription_ids uuid[]) returns void language sql as ''"
        )
    assert claimed_after_a_race(database) == 0


def test_texts_survive_the_way(database: str) -> None:
    text = '\u2028\u2029 Zo\u00eb \U0001f98a \\ " \u0007'
    with opened(database) as conn:
        subscribed(conn)
        at(conn, 0)
        append_order(conn, text, data={"text": text})
        fan_out(conn)
        body = claim(conn)[0]["body"]
        assert json.loads(body)["data"] == {"text": text}
        assert "\u2028\u2029" in body


def test_a_body_that_is_too_large_stops_nothing(database: str) -> None:
    """1e131071 is stored in a few bytes and written out in 131072 digits."""
    with opened(database) as conn:
        subscribed(conn)
        append_order(conn, "before")
        append_order(conn, "huge", data={"n": [1]})
        conn.execute(
            "select dbkit.append_event('order', 'huge', 'OrderPlaced', jsonb_build_object("
            "'n', array_fill('1e131071'::numeric, array[20])))"
        )
        append_order(conn, "after")
        assert fan_out(conn)["deliveries"] == 4
        assert statuses(conn) == ["pending", "pending", "dead", "pending"]
        letter = row(conn, "select * from dbkit.get_dead_letters()")
        assert letter["reason"].startswith("too_large: the body has 26")
        assert letter["detail"]["sqlstate"] == "KD526"
        bodies = "select max(octet_length(body)) from dbkit.event_webhook_messages"
        assert one(conn, bodies) < 10_000
        with raises(conn, "KD526") as caught:
            call(conn, "requeue_dead_letters", dead_letter_ids=[letter["dead_letter_id"]])
        assert caught.detail["limit"] == 2_097_152
        assert len(claim(conn)) == 2


def test_data_as_large_as_an_event_may_have_is_sent(database: str) -> None:
    with opened(database) as conn:
        subscribed(conn)
        append_order(conn, "a", data={"text": "ü" * 500_000 + "\n" * 40_000})
        fan_out(conn)
        assert statuses(conn) == ["pending"]
        (sent,) = claim(conn)
        assert len(sent["body"].encode()) > 1_080_000


def test_arguments_and_roles(db: Connection) -> None:
    for limit in (0, -1, 10001, None):
        with raises(db, "KD004"):
            one(db, "select dbkit.queue_event_for_webhooks(%s)", limit)
    needs_service(db, "queue_event_for_webhooks")


def test_only_read_committed(database: str) -> None:
    with connect(database) as conn:
        conn.execute("set transaction isolation level repeatable read")
        with raises(conn, "KD507"):
            fan_out(conn)
