from __future__ import annotations

from datetime import UTC, datetime

from tests.helpers import Connection, become, connect, freeze_clock, one, raises, rows

STATUS = "select * from dbkit.get_reader_status() where reader <> 'dbkit.webhooks'"
SAVE = "select dbkit.save_reader_checkpoint(%s, %s, 0)::text"
APPEND = "select (dbkit.append_event('order', 'a', 'Placed', '{}') ->> 'position')::bigint"


def test_says_how_far_behind_each_reader_is(database: str) -> None:
    with connect(database) as conn:
        positions = [one(conn, APPEND) for _ in range(3)]
        conn.commit()
        become(conn, "service_role")
        freeze_clock(conn, "2026-01-01T12:00:00Z")
        one(conn, SAVE, "search", positions[2])
        one(conn, SAVE, "mailer", positions[0])
        at = datetime(2026, 1, 1, 12, tzinfo=UTC)
        assert rows(conn, STATUS) == [
            {"reader": "mailer", "position": positions[0], "lag": 2, "updated_at": at},
            {"reader": "search", "position": positions[2], "lag": 0, "updated_at": at},
        ]


def test_what_cannot_be_read_yet_is_no_lag(database: str) -> None:
    with connect(database) as conn, connect(database) as slow:
        newest = one(conn, APPEND)
        one(conn, SAVE, "mailer", newest)
        conn.commit()
        one(slow, APPEND)
        assert [row["lag"] for row in rows(conn, STATUS)] == [0]
        slow.commit()
        assert [row["lag"] for row in rows(conn, STATUS)] == [1]


def test_needs_service_role(db: Connection) -> None:
    for role in ("anon", "authenticated"):
        become(db, role)
        with raises(db, "42501"):
            rows(db, STATUS)
