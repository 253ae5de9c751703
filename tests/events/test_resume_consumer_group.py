from __future__ import annotations

from tests.events.groups import (
    append,
    at,
    drain,
    letters,
    must_claim,
    opened,
    register,
    status,
    stream_of_partition,
)
from tests.helpers import Connection, become, one, raises

RESUME = "select dbkit.resume_consumer_group('g', %s, %s)"


def halt(conn: Connection, count: int = 3) -> list[int]:
    there = append(conn, "a", count)
    register(conn, max_failures=1)
    assert must_claim(conn).fail(conn)["decision"] == "halted"
    return there


def test_it_goes_on_with_the_event_that_failed(database: str) -> None:
    with opened(database) as conn:
        there = halt(conn)
        assert one(conn, RESUME, None, False) == 1
        batch = must_claim(conn)
        assert (batch.positions, batch.failures) == (there[:1], 0)
        batch.ack(conn)
        assert drain(conn) == there[1:]
        assert status(conn)["failed_position"] is None


def test_it_can_halt_again(database: str) -> None:
    with opened(database) as conn:
        halt(conn)
        one(conn, RESUME, None, False)
        assert must_claim(conn).fail(conn)["decision"] == "halted"


def test_skipped_the_event_is_a_dead_letter(database: str) -> None:
    with opened(database) as conn:
        there = halt(conn)
        assert one(conn, RESUME, None, True) == 1
        assert drain(conn) == there[1:]
        assert letters(conn) == {there[0]: "open"}


def test_one_partition_or_all(database: str) -> None:
    with opened(database) as conn:
        register(conn, partitions=3, max_failures=1)
        for number in range(3):
            append(conn, stream_of_partition(conn, number, 3))
        for _ in range(3):
            must_claim(conn).fail(conn)
        assert one(conn, RESUME, 1, False) == 1
        assert must_claim(conn).partition == 1
        assert one(conn, RESUME, None, False) == 2
        assert one(conn, RESUME, None, False) == 0


def test_a_held_back_event_that_halts_under_another_policy_is_skipped_too(database: str) -> None:
    """The policy can change while a stream waits."""
    with opened(database) as conn:
        there = append(conn, "a", 4)
        register(conn, max_failures=1, poison_policy="block")
        at(conn, 0)
        must_claim(conn).fail(conn)
        assert drain(conn) == []
        one(conn, "select dbkit.unblock_stream('g', 'counter', 'a')")
        register(conn, max_failures=1, poison_policy="halt")
        batch = must_claim(conn)
        assert batch.positions == there
        batch.ack(conn, there[0])
        batch.fail(conn, there[1])
        assert one(conn, RESUME, None, True) == 1
        assert drain(conn) == there[2:]
        assert letters(conn) == {there[1]: "open"}


def test_unknown_groups_and_clients(db: Connection) -> None:
    with raises(db, "KD530"):
        db.execute("select dbkit.resume_consumer_group('nothing')")
    become(db, "authenticated")
    with raises(db, "42501"):
        db.execute("select dbkit.resume_consumer_group('g')")
