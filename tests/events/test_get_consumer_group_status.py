from __future__ import annotations

from tests.events.groups import append, at, must_claim, opened, register, status
from tests.helpers import Connection, become, raises, rows, unbecome


def test_says_where_each_partition_is_and_who_has_it(database: str) -> None:
    with opened(database) as conn:
        at(conn, 0)
        there = append(conn, "a", 10)
        register(conn, poison_policy="block", max_failures=2)
        batch = must_claim(conn, consumer="me", limit=4)
        batch.ack(conn, there[1])
        at(conn, 30)
        found = status(conn)
        assert (found["position"], found["lag"], found["events"]) == (there[1], 8, 2)
        assert found["lag_seconds"] == 30
        assert (found["leased_by"], found["leased_until"]) == ("me", batch.leased_until)
        assert found["acknowledged_at"] is not None
        assert (found["failures"], found["blocked_streams"]) == (0, 0)
        batch.fail(conn, there[2], "no such thing")
        found = status(conn)
        assert (found["failed_position"], found["failures"]) == (there[2], 1)
        assert (found["last_error"], found["leased_by"]) == ("no such thing", None)
        assert found["retry_at"] is not None
        at(conn, 60)
        must_claim(conn).fail(conn)
        assert status(conn)["blocked_streams"] == 1


def test_caught_up_there_is_no_lag(database: str) -> None:
    with opened(database) as conn:
        append(conn, "a", 3)
        register(conn, partitions=2, from_position=None)
        found = rows(conn, "select * from dbkit.get_consumer_group_status('g')")
        assert [(f["partition"], f["lag"], f["lag_seconds"]) for f in found] == [
            (0, 0, 0),
            (1, 0, 0),
        ]


def test_of_all_groups_without_a_name(database: str) -> None:
    with opened(database) as conn:
        register(conn, "two", partitions=2)
        register(conn, "one", partitions=1)
        found = rows(conn, "select * from dbkit.get_consumer_group_status()")
        assert [(f["group_name"], f["partition"]) for f in found] == [
            ("one", 0),
            ("two", 0),
            ("two", 1),
        ]


def test_unknown_groups_and_clients(db: Connection) -> None:
    with raises(db, "KD530"):
        status(db)
    become(db, "authenticated")
    with raises(db, "42501"):
        status(db)
    unbecome(db)
    register(db)
    become(db, "service_role")
    assert status(db)["lag"] == 0
