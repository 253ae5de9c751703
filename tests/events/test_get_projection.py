from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.events.projections import (
    expected,
    opened,
    place,
    place_many,
    rebuild,
    register,
    run,
    status,
    stored,
    wait_for_lock,
    writers,
)
from tests.helpers import Connection, become, connect, one, raises, unbecome


def get(conn: Connection, key: str, name: str = "orders_per_store") -> Any:
    return one(conn, "select dbkit.get_projection(%s, %s)", name, key)


def test_gives_the_state_or_null(database: str) -> None:
    with opened(database) as conn:
        register(conn)
        place(conn, "1", "a", 30)
        assert get(conn, "a") is None
        run(conn)
        assert get(conn, "a") == {"orders": 1, "cents": 30}
        assert get(conn, "b") is None


@pytest.mark.parametrize("mode", ["inline", "on_demand"])
def test_is_of_now_without_a_run(database: str, mode: str) -> None:
    with opened(database) as conn:
        register(conn, mode=mode)
        for n in (1, 2, 3):
            place(conn, f"{n}", "a")
            assert get(conn, "a")["orders"] == n


def test_a_tenant_gets_its_own_organization_only(database: str) -> None:
    with opened(database) as conn:
        register(conn, mode="on_demand")
        for organization, orders in (("acme", 1), ("bistro", 2)):
            for n in range(orders):
                with conn.transaction():
                    become(conn, "authenticated", organization_id=organization)
                    place(conn, f"{n}", "a")
                    unbecome(conn)
        for organization, orders in (("acme", 1), ("bistro", 2)):
            with conn.transaction():
                become(conn, "authenticated", organization_id=organization)
                assert get(conn, "a")["orders"] == orders
                unbecome(conn)
        with conn.transaction():
            become(conn, "authenticated", organization_id="else")
            assert get(conn, "a") is None
            unbecome(conn)


def test_anon_may_not(database: str) -> None:
    with opened(database) as conn, conn.transaction():
        register(conn)
        become(conn, "anon")
        with raises(conn, "42501"):
            get(conn, "a")


def test_an_unknown_one_is_an_error_not_null(database: str) -> None:
    with opened(database) as conn, raises(conn, "KD510"):
        get(conn, "a", "nothing")


def test_an_inline_one_that_has_not_caught_up_is_not_read(database: str) -> None:
    with opened(database) as conn:
        place(conn, "1", "a")
        register(conn, mode="inline")
        with raises(conn, "KD512"):
            get(conn, "a")
        run(conn)
        assert get(conn, "a")["orders"] == 1


def test_a_reader_waits_for_one_that_catches_up_and_has_all(database: str) -> None:
    with opened(database) as conn, connect(database) as first, connect(database) as second:
        register(conn, mode="on_demand")
        place(conn, "1", "a")
        assert get(first, "a")["orders"] == 1
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(get, second, "a")
            wait_for_lock(conn, second.info.backend_pid)
            first.commit()
            assert answer.result()["orders"] == 1


def test_readers_of_what_is_fresh_do_not_wait_for_each_other(database: str) -> None:
    with opened(database) as conn, connect(database) as first, connect(database) as second:
        register(conn, mode="on_demand")
        place(conn, "1", "a")
        get(conn, "a")
        place(conn, "1", "a", event_type="OrderViewed")
        second.execute("set lock_timeout = '1ms'")
        assert get(first, "a") == get(second, "a") == {"orders": 1, "cents": 100}


def test_many_readers_while_events_come_do_not_fail(database: str) -> None:
    def work(conn: Connection, number: int, n: int) -> None:
        if number < 2:
            place(conn, f"{number}-{n}", "a")
        else:
            before = one(conn, "select count(*) from dbkit.event_store where event_id is not null")
            # Positions of both writers may still be held back by an open append, never all.
            found = get(conn, "a")
            assert found is None or found["orders"] <= before + 1000

    with opened(database) as conn:
        register(conn, mode="on_demand")
        with writers(database, 6, work):
            while one(conn, "select count(*) from dbkit.event_store") < 200:
                pass
        get(conn, "a")
        assert stored(conn) == expected(conn)
        assert status(conn)["events"] == one(conn, "select count(*) from dbkit.event_store")


def test_a_reader_that_meets_a_swap_catches_up_the_new_rows(database: str) -> None:
    with opened(database) as conn, connect(database) as swapping, connect(database) as reader:
        register(conn, mode="on_demand")
        place(conn, "1", "a")
        assert rebuild(swapping)["phase"] == "swapped"
        place(conn, "2", "a")
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(get, reader, "a")
            wait_for_lock(conn, reader.info.backend_pid)
            swapping.commit()
            assert answer.result()["orders"] == 2


def test_a_reader_pays_for_a_bounded_number_of_events(database: str) -> None:
    with opened(database) as conn:
        register(conn, mode="on_demand")
        place(conn, "1", "a")
        conn.execute("select setval('dbkit.event_position_seq', 200000)")
        place(conn, "2", "a")
        with raises(conn, "KD512") as caught:
            get(conn, "a")
        assert caught.detail["lag"] == 200001
        run(conn)
        assert get(conn, "a")["orders"] == 2


def test_an_event_that_stops_it_is_told(database: str) -> None:
    with opened(database) as conn:
        register(conn, mode="on_demand")
        conn.execute(
            """select dbkit.append_event('purchase', '1', 'OrderPlaced',
              '{"store": "a", "cents": "many"}')"""
        )
        with raises(conn, "KD512") as caught:
            get(conn, "a")
        assert caught.detail["failed_position"] == 1


def test_on_demand_refuses_another_isolation_level_and_async_does_not(database: str) -> None:
    with opened(database) as conn:
        register(conn, "fresh", mode="on_demand")
        register(conn, "later")
        place_many(conn, 3)
        conn.execute("begin isolation level repeatable read")
        assert get(conn, "s1", "later") is None
        with raises(conn, "KD507"):
            get(conn, "s1", "fresh")
        conn.execute("rollback")
