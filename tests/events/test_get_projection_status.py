from __future__ import annotations

from tests.events.projections import (
    TWICE,
    opened,
    place,
    place_many,
    rebuild,
    register,
    run,
    status,
)
from tests.helpers import become, connect, raises, rows, unbecome


def test_says_how_far_it_is(database: str) -> None:
    with opened(database) as conn:
        register(conn)
        place_many(conn, 10)
        run(conn, limit=4)
        found = status(conn)
        del found["updated_at"]
        assert found == {
            "projection": "orders_per_store",
            "mode": "async",
            "is_live": False,
            "generation": 1,
            "position": 4,
            "lag": 6,
            "events": 4,
            "row_count": 4,
            "failed_position": None,
            "failures": 0,
            "last_error": None,
            "rebuilding": False,
            "rebuild_position": None,
        }


def test_what_is_held_back_by_an_open_append_is_no_lag(database: str) -> None:
    with opened(database) as conn, connect(database) as slow:
        register(conn)
        place(slow, "1", "a")
        assert status(conn)["lag"] == 0
        slow.commit()
        assert status(conn)["lag"] == 1


def test_a_live_inline_one_never_lags(database: str) -> None:
    with opened(database) as conn:
        register(conn, mode="inline")
        place_many(conn, 10)
        found = status(conn)
        assert (found["is_live"], found["lag"], found["position"]) == (True, 0, 10)


def test_tells_of_failures_and_rebuilds(database: str) -> None:
    with opened(database) as conn:
        register(conn)
        place_many(conn, 3)
        conn.execute(
            """select dbkit.append_event('purchase', '1', 'OrderPlaced',
              '{"store": "a", "cents": "many"}')"""
        )
        run(conn)
        run(conn)
        register(conn, reducer=TWICE)
        rebuild(conn, limit=2)
        found = status(conn)
        assert (found["failed_position"], found["failures"]) == (4, 2)
        assert found["last_error"].startswith("22P02: ")
        assert (found["rebuilding"], found["rebuild_position"]) == (True, 2)


def test_lists_all_or_one_and_refuses_an_unknown_one(database: str) -> None:
    with opened(database) as conn:
        shipped = rows(conn, "select * from dbkit.get_projection_status()")
        for name in ("b", "a"):
            register(conn, name)
        every = rows(conn, "select * from dbkit.get_projection_status()")
        names = [r["projection"] for r in every]
        assert names == sorted(["a", "b", *(r["projection"] for r in shipped)])
        with raises(conn, "KD510"):
            rows(conn, "select * from dbkit.get_projection_status('nothing')")


def test_needs_the_service(database: str) -> None:
    with opened(database) as conn, conn.transaction():
        become(conn, "authenticated")
        with raises(conn, "42501"):
            rows(conn, "select * from dbkit.get_projection_status()")
        unbecome(conn)
