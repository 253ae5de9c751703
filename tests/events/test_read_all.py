"""dbkit.read_all: every committed event once, in order, over all streams and organizations."""

from __future__ import annotations

from tests.events.parts import append
from tests.helpers import Connection, become, connect, one, raises, rows

READ = "select * from dbkit.read_all(%s, %s)"


def fill(conn: Connection) -> None:
    for i in range(12):
        with conn.transaction():
            become(conn, "authenticated", organization_id=f"o{i % 2}")
            append(conn, "s", f"T{i % 3}", {"i": i}, aggregate_type=f"a{i % 4}")


def numbers(conn: Connection, arguments: str) -> list[int]:
    return [e["event_data"]["i"] for e in rows(conn, f"select * from dbkit.read_all({arguments})")]


def test_pages_and_filters(database: str) -> None:
    with connect(database, autocommit=True) as conn:
        fill(conn)
        assert numbers(conn, "") == list(range(12))
        first = rows(conn, READ, 0, 5)
        assert [e["event_data"]["i"] for e in rows(conn, READ, first[-1]["position"], 99)] == [
            *range(5, 12)
        ]
        assert numbers(conn, "p_event_types => '{T0,T2}'") == [0, 2, 3, 5, 6, 8, 9, 11]
        assert numbers(conn, "p_aggregate_types => '{a1}'") == [1, 5, 9]
        assert numbers(conn, "p_organization_id => 'o1'") == [1, 3, 5, 7, 9, 11]
        both = "p_event_types => '{T0}', p_organization_id => 'o1', p_aggregate_types => '{a1,a3}'"
        assert numbers(conn, both) == [3, 9]
        assert numbers(conn, "p_event_types => '{}'") == []
        last = first[-1]["position"]
        assert numbers(conn, f"p_up_to => {last}") == [0, 1, 2, 3, 4]


def test_never_passes_an_open_append(database: str) -> None:
    with connect(database) as slow, connect(database, autocommit=True) as conn:
        append(conn, "before", data={"i": 0})
        append(slow, "slow", data={"i": 1})
        append(conn, "after", data={"i": 2})
        assert numbers(conn, "") == [0]
        naive = "select count(*) from dbkit.event_store"
        assert one(conn, naive) == 2, "the control: a naive reader would pass it"
        slow.commit()
        assert numbers(conn, "") == [0, 1, 2]


def test_rolled_back_savepoint_leaves_no_hole_in_the_mark(database: str) -> None:
    with connect(database) as slow, connect(database, autocommit=True) as conn:
        slow.execute("savepoint s")
        append(slow, "slow", data={"i": 0})
        slow.execute("rollback to s")
        append(conn, "other", data={"i": 1})
        assert numbers(conn, "") == [1], "no append is open any more"
        append(slow, "slow", data={"i": 2})
        append(conn, "other", data={"i": 3})
        assert numbers(conn, "") == [1]
        slow.commit()
        assert numbers(conn, "") == [1, 2, 3]


def test_locks_of_others_hold_nothing_back(database: str) -> None:
    with connect(database) as other, connect(database, autocommit=True) as conn:
        other.execute("select pg_advisory_xact_lock(1), pg_advisory_xact_lock(1, 1)")
        append(conn, "a", data={"i": 0})
        assert numbers(conn, "") == [0]


def test_only_the_service_reads_all(db: Connection) -> None:
    become(db, "authenticated")
    with raises(db, "42501"):
        rows(db, READ, 0, 5)


def test_reading_by_position_uses_the_index(db: Connection) -> None:
    db.execute(
        "insert into dbkit.event_store select n, 1, now(), gen_random_uuid(), 1, 'o', 't', n::text,"
        " 'E' || n % 50, '{}', '{}' from generate_series(1, 20000) n"
    )
    db.execute("analyze dbkit.event_store")
    for where in (
        "position > 15000",
        "organization_id = 'o' and event_type = 'E1' and position > 9",
    ):
        plan = rows(
            db,
            f"explain select * from dbkit.events where {where} and position <= 19000"
            " order by position limit 100",
        )
        text = str(plan)
        assert "Index Scan" in text
        assert "Sort" not in text
        assert "Seq Scan" not in text
