from __future__ import annotations

import pytest

from tests.events.groups import append, at, claim, must_claim, opened, register
from tests.helpers import Connection, become, connect, raises


def test_keeps_the_partition_from_the_others(database: str) -> None:
    with opened(database) as conn:
        append(conn)
        register(conn)
        at(conn, 0)
        batch = must_claim(conn, seconds=60)
        at(conn, 50)
        assert (batch.extend(conn, 100) - batch.leased_until).total_seconds() == 90
        at(conn, 149)
        assert claim(conn) is None
        at(conn, 150)
        must_claim(conn)
        with raises(conn, "KD532"):
            batch.extend(conn)


def test_a_lease_that_has_ended_and_nobody_took_can_be_extended(database: str) -> None:
    with opened(database) as conn:
        append(conn)
        register(conn)
        at(conn, 0)
        batch = must_claim(conn)
        at(conn, 1000)
        assert batch.extend(conn) is not None
        assert claim(conn) is None


def test_waits_for_no_acknowledgement_and_says_null(database: str) -> None:
    with opened(database) as conn, connect(database) as worker:
        conn.execute("set lock_timeout = '1s'")
        append(conn)
        register(conn)
        batch = must_claim(conn)
        batch.ack(worker)
        assert batch.extend(conn) is None
        worker.commit()
        with raises(conn, "KD532"):
            batch.extend(conn)


@pytest.mark.parametrize("seconds", [0, -1, 86401, None])
def test_refuses_what_is_no_lease(db: Connection, seconds: int | None) -> None:
    append(db)
    register(db, from_position=None)
    with raises(db, "KD004"):
        db.execute("select dbkit.extend_lease('g', 0, 0, %s)", [seconds])


def test_refuses_unknown_groups_and_partitions_and_clients(db: Connection) -> None:
    register(db, from_position=None)
    with raises(db, "KD530"):
        db.execute("select dbkit.extend_lease('nothing', 0, 1)")
    with raises(db, "KD531"):
        db.execute("select dbkit.extend_lease('g', 9, 1)")
    become(db, "authenticated")
    with raises(db, "42501"):
        db.execute("select dbkit.extend_lease('g', 0, 1)")
