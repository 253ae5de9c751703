from __future__ import annotations

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
    status,
)
from tests.helpers import Connection, become, connect, one, raises

UNBLOCK = "select dbkit.unblock_stream('g', 'counter', %s, 'default', %s)"


def block(conn: Connection, stream: str = "a", count: int = 3) -> list[int]:
    """Append, and fail the first."""
    there = append(conn, stream, count)
    register(conn, poison_policy="block", max_failures=1)
    assert must_claim(conn).fail(conn)["decision"] == "blocked"
    return there


def test_all_that_was_held_back_comes_in_order_and_then_what_is_new(database: str) -> None:
    with opened(database) as conn:
        held = block(conn)
        others = append(conn, "b", 3)
        held += append(conn, "a", 2)
        assert drain(conn) == others
        assert one(conn, UNBLOCK, "a", False) is True
        held += append(conn, "a", 2)
        assert drain(conn, limit=2) == held
        assert blocked(conn) == []
        assert status(conn)["blocked_streams"] == 0


def test_skipped_the_event_is_a_dead_letter(database: str) -> None:
    with opened(database) as conn:
        held = block(conn)
        drain(conn)
        assert one(conn, UNBLOCK, "a", True) is True
        assert drain(conn) == held[1:]
        assert letters(conn) == {held[0]: "open"}


def test_skipping_the_last_event_leaves_nothing_behind(database: str) -> None:
    with opened(database) as conn:
        held = block(conn, count=1)
        assert one(conn, UNBLOCK, "a", True) is True
        assert drain(conn) == []
        assert blocked(conn) == []
        assert letters(conn) == {held[0]: "open"}
        assert drain(conn) == [] and append(conn, "a") == drain(conn)


def test_one_that_fails_again_is_blocked_again_from_there(database: str) -> None:
    with opened(database) as conn:
        held = block(conn, count=5)
        drain(conn)
        one(conn, UNBLOCK, "a", False)
        batch = must_claim(conn)
        batch.ack(conn, held[1])
        assert batch.fail(conn, held[2])["decision"] == "blocked"
        assert blocked(conn) == ["a"]
        assert drain(conn) == []
        one(conn, UNBLOCK, "a", False)
        assert drain(conn) == held[2:]


def test_a_batch_of_it_that_is_lost_comes_again(database: str) -> None:
    with opened(database) as conn:
        at(conn, 0)
        held = block(conn)
        drain(conn)
        one(conn, UNBLOCK, "a", False)
        must_claim(conn)
        at(conn, 100)
        batch = must_claim(conn)
        assert batch.positions == held[: len(batch.positions)]
        batch.ack(conn)
        assert drain(conn) == held[len(batch.positions) :]


def test_several_streams_come_one_after_the_other(database: str) -> None:
    with opened(database) as conn:
        one_stream, other = block(conn, "a"), block(conn, "b")
        third = append(conn, "c")
        assert drain(conn) == third
        for name in ("b", "a"):
            one(conn, UNBLOCK, name, False)
        assert drain(conn) == [*one_stream, *other]


def test_while_it_is_read_again_new_events_of_it_wait_behind(database: str) -> None:
    with opened(database) as conn:
        held = block(conn, count=4)
        drain(conn)
        one(conn, UNBLOCK, "a", False)
        batch = must_claim(conn, limit=2)
        assert batch.positions == held[:2]
        new = append(conn, "a", 2)
        batch.ack(conn)
        assert drain(conn) == [*held[2:], *new]


def test_a_long_stream_with_a_filter_that_little_passes(database: str) -> None:
    with opened(database) as conn:
        register(conn, poison_policy="block", max_failures=1, event_types=["Rare"])
        rare = append(conn, "a", event_type="Rare")
        must_claim(conn).fail(conn)
        conn.execute(
            """select dbkit.append_event('counter', 'a', 'Counted', '{}')
            from generate_series(1, 2500)"""
        )
        rare += append(conn, "a", event_type="Rare")
        assert drain(conn) == []
        one(conn, UNBLOCK, "a", False)
        assert drain(conn, limit=1) == rare


def test_waits_for_no_batch_in_flight(database: str) -> None:
    with opened(database) as conn, connect(database) as worker:
        conn.execute("set lock_timeout = '1s'")
        held = block(conn)
        append(conn, "b")
        batch = must_claim(conn)
        batch.ack(worker)
        assert one(conn, UNBLOCK, "a", False) is True
        assert claim(conn) is None
        worker.commit()
        assert drain(conn) == held


def test_says_whether_it_was_blocked(database: str) -> None:
    with opened(database) as conn:
        block(conn)
        assert one(conn, UNBLOCK, "b", False) is False
        assert one(conn, UNBLOCK, "a", False) is True
        assert one(conn, UNBLOCK, "a", True) is False
        assert letters(conn) == {}


def test_unknown_groups_and_clients(db: Connection) -> None:
    with raises(db, "KD530"):
        db.execute("select dbkit.unblock_stream('nothing', 'counter', 'a')")
    become(db, "authenticated")
    with raises(db, "42501"):
        db.execute("select dbkit.unblock_stream('g', 'counter', 'a')")
