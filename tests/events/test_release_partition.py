from __future__ import annotations

from tests.events.groups import append, must_claim, opened, register, status
from tests.helpers import Connection, become, raises


def test_what_is_left_can_be_claimed_at_once_and_nothing_is_a_failure(database: str) -> None:
    with opened(database) as conn:
        there = append(conn, "a", 5)
        register(conn)
        batch = must_claim(conn)
        batch.ack(conn, there[1])
        batch.release(conn)
        again = must_claim(conn, consumer="other")
        assert (again.positions, again.failures) == (there[2:], 0)
        assert status(conn)["failures"] == 0


def test_needs_the_lease(database: str) -> None:
    with opened(database) as conn:
        append(conn)
        register(conn)
        batch = must_claim(conn)
        batch.release(conn)
        must_claim(conn, consumer="other")
        for _ in range(2):
            with raises(conn, "KD532"):
                batch.release(conn)


def test_is_for_the_service(db: Connection) -> None:
    become(db, "authenticated")
    with raises(db, "42501"):
        db.execute("select dbkit.release_partition('g', 0, 1)")
