from __future__ import annotations

import pytest

from tests.events.groups import append, blocked, drain, must_claim, opened, register, status
from tests.events.parts import waiting
from tests.helpers import Connection, become, connect, one, raises

RESET = "select dbkit.reset_consumer_group('g', %s)"


def test_back_it_reads_again_and_forward_it_skips(database: str) -> None:
    with opened(database) as conn:
        there = append(conn, "a", 5)
        register(conn, partitions=3)
        drain(conn)
        one(conn, RESET, 0)
        assert drain(conn) == there
        one(conn, RESET, there[2])
        assert drain(conn) == there[3:]
        append(conn, "a", 3)
        one(conn, RESET, 8)
        assert drain(conn) == []


def test_fences_off_everybody(database: str) -> None:
    with opened(database) as conn:
        append(conn, "a", 5)
        register(conn)
        batch = must_claim(conn)
        one(conn, RESET, 0)
        for act in (batch.ack, batch.fail, batch.extend, batch.release):
            with raises(conn, "KD532"):
                act(conn)
        again = must_claim(conn)
        assert again.positions == batch.positions
        with raises(conn, "KD532"):
            batch.ack(conn)
        again.ack(conn)


def test_waits_for_an_acknowledgement_and_then_wins(database: str) -> None:
    with opened(database) as conn, connect(database) as worker:
        there = append(conn, "a", 5)
        register(conn)
        must_claim(conn).ack(worker)
        with waiting(database, lambda other: one(other, RESET, 0)) as future:
            worker.commit()
        future.result()
        assert drain(conn) == there


def test_nothing_is_held_back_any_more(database: str) -> None:
    with opened(database) as conn:
        there = append(conn, "a", 3)
        register(conn, poison_policy="block", max_failures=1)
        must_claim(conn).fail(conn)
        register(conn, poison_policy="halt", max_failures=1)
        there += append(conn, "b")
        must_claim(conn).fail(conn)
        one(conn, RESET, 0)
        assert blocked(conn) == []
        assert status(conn)["halted_at"] is None
        assert drain(conn) == there


@pytest.mark.parametrize("position", [-1, 6, None])
def test_refuses_a_position_that_was_not_given_out(database: str, position: int | None) -> None:
    with opened(database) as conn:
        append(conn, "a", 5)
        register(conn)
        with raises(conn, "KD531") as caught:
            one(conn, RESET, position)
        assert caught.detail == {"argument": "p_position"}


def test_unknown_groups_and_clients(db: Connection) -> None:
    with raises(db, "KD530"):
        db.execute(RESET.encode(), [0])
    become(db, "authenticated")
    with raises(db, "42501"):
        db.execute(RESET.encode(), [0])
