from __future__ import annotations

from tests.events.groups import append, letters, must_claim, opened, register
from tests.helpers import Connection, become, one, raises


def test_forgets_where_it_was_and_nobody_can_acknowledge(database: str) -> None:
    with opened(database) as conn:
        append(conn, "a", 2)
        register(conn, poison_policy="block", max_failures=1)
        must_claim(conn, limit=1).fail(conn)
        append(conn, "b")
        batch = must_claim(conn)
        assert one(conn, "select dbkit.unregister_consumer_group('g')") is True
        with raises(conn, "KD530"):
            batch.ack(conn)
        for table in ("groups", "partitions", "blocked_streams"):
            assert one(conn, f"select count(*) from dbkit.event_consumer_{table}") == 0
        assert one(conn, "select dbkit.unregister_consumer_group('g')") is False


def test_dead_letters_stay(database: str) -> None:
    with opened(database) as conn:
        (position,) = append(conn)
        register(conn, poison_policy="dead_letter", max_failures=1)
        must_claim(conn).fail(conn)
        one(conn, "select dbkit.unregister_consumer_group('g')")
        assert letters(conn) == {position: "open"}


def test_is_for_the_service(db: Connection) -> None:
    become(db, "authenticated")
    with raises(db, "42501"):
        db.execute("select dbkit.unregister_consumer_group('g')")
