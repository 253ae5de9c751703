from __future__ import annotations

from tests.events.projections import (
    TWICE,
    expected,
    opened,
    place,
    place_many,
    rebuild,
    rebuild_all,
    register,
    run,
    status,
    stored,
)
from tests.helpers import Connection, become, one, raises, unbecome


def cancel(conn: Connection, name: str = "orders_per_store") -> bool:
    return bool(one(conn, "select dbkit.cancel_rebuild(%s)", name))


def test_throws_the_shadow_away_and_leaves_the_rows(database: str) -> None:
    with opened(database) as conn:
        register(conn)
        place_many(conn, 10)
        run(conn)
        rebuild(conn, limit=4)
        assert cancel(conn)
        assert status(conn)["rebuilding"] is False
        assert one(conn, "select count(distinct generation) from dbkit.event_projections") == 1
        assert stored(conn) == expected(conn)
        assert rebuild_all(conn)["differing"] == 0


def test_goes_on_with_the_old_reducer(database: str) -> None:
    with opened(database) as conn:
        register(conn)
        place_many(conn, 10)
        run(conn)
        register(conn, reducer=TWICE)
        rebuild(conn, limit=4)
        assert cancel(conn)
        place(conn, "x", "s1")
        assert rebuild_all(conn)["differing"] == 0
        assert stored(conn) == expected(conn)
        assert register(conn)["rebuilding"] is False


def test_is_false_when_none_runs(database: str) -> None:
    with opened(database) as conn:
        register(conn)
        assert cancel(conn) is False
        with raises(conn, "KD510"):
            cancel(conn, "nothing")


def test_needs_the_service(database: str) -> None:
    with opened(database) as conn, conn.transaction():
        register(conn)
        become(conn, "authenticated")
        with raises(conn, "42501"):
            cancel(conn)
        unbecome(conn)
