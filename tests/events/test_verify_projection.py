from __future__ import annotations

import pytest

from tests.events.projections import (
    LAST_STATUS,
    opened,
    place,
    place_many,
    problems,
    register,
    run,
    status,
    writers,
)
from tests.helpers import Connection, become, one, raises, row, rows, unbecome


@pytest.mark.parametrize("mode", ["async", "on_demand", "inline"])
def test_tells_each_row_that_is_not_its_replay(database: str, mode: str) -> None:
    with opened(database) as conn:
        register(conn, mode=mode)
        place_many(conn, 30)
        run(conn, limit=20)
        assert problems(conn) == []
        conn.execute(
            """update dbkit.event_projections set state = '{"orders": 0}' where key = 's1';
            delete from dbkit.event_projections where key = 's2';
            insert into dbkit.event_projections
            values ('default', 'orders_per_store', 1, 'ghost', '{}', 1, now())"""
        )
        found = problems(conn)
        assert [(p["key"], p["problem"]) for p in found] == [
            ("ghost", "extra"),
            ("s1", "differing"),
            ("s2", "missing"),
        ]
        assert (found[0]["stored"], found[0]["replayed"]) == ({}, None)
        assert found[1]["stored"] == {"orders": 0}
        assert found[2]["stored"] is None
        assert found[2]["replayed"]["orders"] >= 2
        limited = "select * from dbkit.verify_projection('orders_per_store', 2)"
        assert len(rows(conn, limited)) == 2


def test_changes_nothing(database: str) -> None:
    with opened(database) as conn:
        register(conn)
        place_many(conn, 30)
        run(conn, limit=20)
        before = (status(conn), rows(conn, "select * from dbkit.event_projections order by key"))
        with conn.transaction():
            conn.execute("set transaction read only")
            assert problems(conn) == []
        after = (status(conn), rows(conn, "select * from dbkit.event_projections order by key"))
        assert after == before


def test_rows_that_were_deleted_are_not_missing(database: str) -> None:
    with opened(database) as conn:
        register(conn, reducer=LAST_STATUS, key=None, types=("*",))
        place(conn, "1", "a")
        place(conn, "1", "a", event_type="OrderClosed")
        run(conn)
        assert problems(conn) == []


@pytest.mark.parametrize("mode", ["async", "inline"])
def test_is_right_while_events_come(database: str, mode: str) -> None:
    def work(conn: Connection, writer: int, n: int) -> None:
        if writer < 3:
            place(conn, f"{writer}-{n}", f"s{n % 5}", n)
        else:
            run(conn, limit=10)

    with opened(database) as conn:
        register(conn, mode=mode)
        with writers(database, 4, work):
            while one(conn, "select count(*) from dbkit.event_store") < 300:
                assert problems(conn) == []


def test_needs_the_service_and_a_name_that_is_known(database: str) -> None:
    with opened(database) as conn, conn.transaction():
        register(conn)
        with raises(conn, "KD510"):
            problems(conn, "nothing")
        with raises(conn, "KD004"):
            row(conn, "select * from dbkit.verify_projection('orders_per_store', 0)")
        become(conn, "authenticated")
        with raises(conn, "42501"):
            problems(conn)
        unbecome(conn)
