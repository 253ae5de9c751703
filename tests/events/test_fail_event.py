from __future__ import annotations

import pytest

from tests.events.groups import (
    append,
    at,
    blocked,
    claim,
    drain,
    letters,
    must_claim,
    opened,
    register,
    requeue,
    status,
    stream_of_partition,
)
from tests.helpers import Connection, become, one, raises, row


def fail_until(conn: Connection, decision: str, seconds: int = 0) -> list[str]:
    """Fail what comes first, and wait, until this is decided."""
    decisions: list[str] = []
    while not decisions or decisions[-1] != decision:
        at(conn, seconds)
        decisions.append(must_claim(conn).fail(conn)["decision"])
        seconds += 1000
        assert len(decisions) < 50
    return decisions


# --- trying again --------------------------------------------------------------------------


def test_an_event_is_tried_again_after_a_time_that_doubles(database: str) -> None:
    with opened(database) as conn:
        there = append(conn, "a", 2)
        register(conn, max_failures=4)
        seconds = 0.0
        for failures in (1, 2, 3):
            at(conn, seconds)
            batch = must_claim(conn)
            assert batch.failures == failures - 1
            answer = batch.fail(conn)
            assert (answer["decision"], answer["failures"]) == ("retry", failures)
            expected = 2.0 ** (failures - 1)
            at(conn, seconds + expected * 0.79)
            assert claim(conn) is None
            seconds += expected * 1.21
        at(conn, seconds)
        batch = must_claim(conn)
        assert (batch.positions, batch.failures) == (there[:1], 3)
        batch.ack(conn)
        assert (status(conn)["failures"], status(conn)["last_error"]) == (0, None)
        assert drain(conn) == there[1:]


@pytest.mark.parametrize(
    ("failures", "random", "seconds"),
    [
        *((1, 0, 0.8), (1, 0.5, 1), (1, 1, 1.2)),
        *((4, 0.5, 8), (9, 0.5, 256), (10, 0.5, 300)),
        *((1000, 0.5, 300), (1000, 1, 360)),
    ],
)
def test_the_delay_doubles_has_jitter_and_a_bound(
    db: Connection, failures: int, random: float, seconds: float
) -> None:
    statement = "select extract(epoch from dbkit._group_retry_delay(%s, %s))"
    assert float(one(db, statement, failures, random)) == pytest.approx(seconds)


def test_what_is_before_it_comes_first_and_then_it_alone(database: str) -> None:
    """So it can be told who fails, and the others are not held back by it longer than need be."""
    with opened(database) as conn:
        there = append(conn, "a", 10)
        register(conn, max_failures=1)
        at(conn, 0)
        answer = must_claim(conn).fail(conn, there[4])
        assert answer == {"decision": "retry", "failures": 1, "retry_at": None}
        batch = must_claim(conn)
        assert batch.positions == there[:4]
        batch.ack(conn)
        batch = must_claim(conn)
        assert (batch.positions, batch.failures) == (there[4:5], 1)
        assert batch.fail(conn)["decision"] == "halted"


def test_after_a_success_the_count_begins_anew(database: str) -> None:
    with opened(database) as conn:
        there = append(conn, "a", 2)
        register(conn, max_failures=3)
        at(conn, 0)
        must_claim(conn).fail(conn)
        at(conn, 100)
        must_claim(conn).ack(conn)
        assert must_claim(conn).fail(conn) | {"retry_at": 0} == {
            "decision": "retry",
            "failures": 1,
            "retry_at": 0,
        }
        assert status(conn)["failed_position"] == there[1]


def test_other_partitions_go_on_meanwhile(database: str) -> None:
    with opened(database) as conn:
        register(conn, partitions=2)
        bad, good = stream_of_partition(conn, 0, 2), stream_of_partition(conn, 1, 2)
        append(conn, bad, 3)
        there = append(conn, good, 3)
        must_claim(conn).fail(conn)
        assert drain(conn) == there


# --- giving up -----------------------------------------------------------------------------


def test_halt_the_partition_stands_still(database: str) -> None:
    with opened(database) as conn:
        register(conn, partitions=2, max_failures=2)
        bad, good = stream_of_partition(conn, 0, 2), stream_of_partition(conn, 1, 2)
        (poison, *_) = append(conn, bad, 3)
        assert fail_until(conn, "halted") == ["retry", "halted"]
        there = append(conn, good, 3)
        at(conn, 100000)
        assert drain(conn) == there
        found = status(conn, partition=0)
        assert (found["failed_position"], found["position"], found["last_error"]) == (
            poison,
            0,
            "bad",
        )
        assert found["halted_at"] is not None


def test_dead_letter_the_event_is_put_aside_and_its_stream_goes_on(database: str) -> None:
    with opened(database) as conn:
        there = append(conn, "a", 3)
        register(conn, poison_policy="dead_letter", max_failures=3)
        assert fail_until(conn, "dead_letter") == ["retry", "retry", "dead_letter"]
        assert drain(conn) == there[1:]
        letter = row(conn, "select * from dbkit.event_dead_letters")
        assert {
            k: letter[k] for k in ("source", "source_name", "position", "reason", "status")
        } == {
            "source": "group",
            "source_name": "g",
            "position": there[0],
            "reason": "bad",
            "status": "open",
        }
        assert (letter["aggregate_type"], letter["aggregate_id"]) == ("counter", "a")
        assert letter["detail"] == {"partition": 0, "failures": 3}


def test_block_the_stream_waits_and_the_others_go_on(database: str) -> None:
    with opened(database) as conn:
        append(conn, "a", 2)
        others = append(conn, "b", 2)
        append(conn, "a", 2)
        register(conn, poison_policy="block", max_failures=1)
        must_claim(conn).fail(conn)
        assert blocked(conn) == ["a"]
        assert drain(conn) == others
        append(conn, "a")
        others = append(conn, "b")
        assert drain(conn) == others
        assert status(conn)["blocked_streams"] == 1
        assert status(conn)["lag"] == 0


def test_a_stream_of_the_same_name_in_another_organization_is_not_blocked(database: str) -> None:
    with opened(database) as conn:
        for organization in ("acme", "bistro"):
            with conn.transaction():
                become(conn, "authenticated", organization_id=organization)
                append(conn, "a", 2)
                conn.execute("reset role")
        register(conn, poison_policy="block", max_failures=1)
        must_claim(conn).fail(conn)
        batch = must_claim(conn)
        assert batch.organizations == ["bistro", "bistro"]


# --- dead letters that come again ------------------------------------------------------------


def test_a_requeued_letter_comes_as_a_batch_of_its_own_and_is_resolved(database: str) -> None:
    with opened(database) as conn:
        there = append(conn, "a", 3)
        register(conn, poison_policy="dead_letter", max_failures=1)
        must_claim(conn).fail(conn)
        requeue(conn)
        batch = must_claim(conn)
        assert batch.positions == there[:1]
        batch.ack(conn)
        assert letters(conn) == {there[0]: "resolved"}
        assert drain(conn) == there[1:]


def test_a_requeued_letter_that_fails_again_is_open_again(database: str) -> None:
    with opened(database) as conn:
        there = append(conn, "a", 3)
        register(conn, poison_policy="dead_letter", max_failures=5)
        fail_until(conn, "dead_letter")
        assert drain(conn) == there[1:]
        requeue(conn)
        answer = must_claim(conn).fail(conn, error="still bad")
        assert answer["decision"] == "dead_letter"
        assert claim(conn) is None
        letter = row(conn, "select * from dbkit.event_dead_letters")
        assert (letter["status"], letter["reason"]) == ("open", "still bad")
        assert status(conn)["position"] == there[-1]


def test_of_several_requeued_letters_each_is_on_its_own(database: str) -> None:
    with opened(database) as conn:
        there = append(conn, "a", 4)
        register(conn, poison_policy="dead_letter", max_failures=1)
        for _ in there:
            must_claim(conn).fail(conn)
        requeue(conn)
        batch = must_claim(conn)
        assert batch.positions == there
        batch.ack(conn, there[0])
        batch.fail(conn, there[2])
        batch = must_claim(conn)
        assert batch.positions == [there[1], there[3]]
        batch.ack(conn)
        assert letters(conn) == {
            there[0]: "resolved",
            there[1]: "resolved",
            there[2]: "open",
            there[3]: "resolved",
        }


def test_letters_of_other_groups_and_partitions_are_left_alone(database: str) -> None:
    with opened(database) as conn:
        for group in ("g", "h"):
            register(conn, group, partitions=2, poison_policy="dead_letter", max_failures=1)
        there = append(conn, stream_of_partition(conn, 1, 2))
        for group in ("g", "h"):
            must_claim(conn, group).fail(conn)
        requeue(conn, "h")
        assert claim(conn, "g") is None
        batch = must_claim(conn, "h")
        assert (batch.partition, batch.positions) == (1, there)


# --- what is refused -------------------------------------------------------------------------


def test_fencing_and_places(database: str) -> None:
    with opened(database) as conn:
        there = append(conn, "a", 5)
        register(conn)
        at(conn, 0)
        old = must_claim(conn, limit=3)
        with raises(conn, "KD004"):
            old.fail(conn, there[4])
        old.ack(conn, there[0])
        with raises(conn, "KD004"):
            old.fail(conn, there[0])
        at(conn, 100)
        must_claim(conn)
        with raises(conn, "KD532"):
            old.fail(conn, there[1])
        assert status(conn)["failures"] == 0


def test_it_gives_the_partition_back(database: str) -> None:
    with opened(database) as conn:
        append(conn, "a", 5)
        register(conn)
        batch = must_claim(conn)
        batch.fail(conn)
        with raises(conn, "KD532"):
            batch.ack(conn)
        with raises(conn, "KD532"):
            batch.fail(conn)


def test_any_text_is_an_error_and_a_long_one_is_cut(database: str) -> None:
    with opened(database) as conn:
        append(conn)
        register(conn, max_failures=1, poison_policy="dead_letter")
        must_claim(conn).fail(conn, error="\u2028" + "x" * 100000)
        assert len(one(conn, "select reason from dbkit.event_dead_letters")) <= 2000
        append(conn)
        one(
            conn,
            "select dbkit.fail_event('g', 0, c.token, 2, null) from dbkit.claim_events('g', 'c') c",
        )


def test_is_for_the_service(db: Connection) -> None:
    become(db, "authenticated")
    with raises(db, "42501"):
        db.execute("select dbkit.fail_event('g', 0, 1, 1, 'bad')")
