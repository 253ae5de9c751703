"""dbkit.get_events_by_type: a feed of one type, which skips none."""

from __future__ import annotations

from tests.events.parts import append
from tests.helpers import Connection, become, connect, raises, rows

READ = "select * from dbkit.get_events_by_type('Counted', %s, %s)"


def test_goes_on_after_the_last_position(database: str) -> None:
    with connect(database, autocommit=True) as conn:
        for i in range(6):
            append(conn, f"s{i % 2}", "Counted" if i % 3 else "Other", {"i": i})
        first = rows(conn, READ, 0, 3)
        assert [e["event_data"]["i"] for e in first] == [1, 2, 4]
        assert [e["event_data"]["i"] for e in rows(conn, READ, first[-1]["position"], 3)] == [5]
        with conn.transaction():
            become(conn, "authenticated", organization_id="rival")
            assert rows(conn, READ, 0, 3) == []


def test_waits_for_an_append_that_is_open(database: str) -> None:
    with connect(database) as slow, connect(database, autocommit=True) as conn:
        append(slow, "a")
        append(conn, "b")
        assert rows(conn, READ, 0, 10) == []
        slow.commit()
        assert [e["aggregate_id"] for e in rows(conn, READ, 0, 10)] == ["a", "b"]


def test_repeatable_read_is_refused(database: str) -> None:
    with connect(database) as conn:
        conn.execute("set transaction isolation level repeatable read")
        with raises(conn, "KD507"):
            rows(conn, READ, 0, 10)


def test_limit_is_checked(db: Connection) -> None:
    with raises(db, "KD004"):
        rows(db, READ, 0, 0)
