from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.events.projections import (
    expected,
    opened,
    place,
    place_many,
    problems,
    rebuild,
    rebuild_all,
    register,
    run,
    run_all,
    status,
    stored,
    wait_for_lock,
    writers,
)
from tests.helpers import Connection, become, connect, one, raises, unbecome

SPOIL = """
update dbkit.event_projections set state = '{"orders": 0}' where key = 's1' and generation = %(g)s;
delete from dbkit.event_projections where key = 's2' and generation = %(g)s;
insert into dbkit.event_projections
values ('default', 'orders_per_store', %(g)s, 'ghost', '{}', 1, now())
"""
MODES = pytest.mark.parametrize("mode", ["async", "on_demand", "inline"])


def spoil(conn: Connection, generation: int = 1) -> None:
    conn.execute(SPOIL.replace("%(g)s", str(generation)).encode())


@MODES
def test_fills_beside_compares_and_swaps(database: str, mode: str) -> None:
    with opened(database) as conn:
        register(conn, mode=mode)
        place_many(conn, 25)
        run_all(conn)
        spoil(conn)
        spoilt = stored(conn)
        phases: list[str] = []
        while phases[-1:] != ["swapped"]:
            answer = rebuild(conn, limit=10)
            phases.append(answer["phase"])
            if answer["phase"] == "filling":
                assert stored(conn) == spoilt
        assert phases == ["filling", "filling", "swapped"]
        assert (answer["differing"], answer["missing"], answer["extra"]) == (1, 1, 1)
        assert (answer["position"], answer["lag"]) == (25, 0)
        assert stored(conn) == expected(conn)
        assert one(conn, "select count(distinct generation) from dbkit.event_projections") == 1
        assert status(conn)["generation"] == 2
        place(conn, "x", "s1")
        run(conn)
        one(conn, "select dbkit.get_projection('orders_per_store', 's1')")
        assert stored(conn) == expected(conn)
        assert problems(conn) == []


@MODES
def test_a_sound_one_has_no_difference(database: str, mode: str) -> None:
    with opened(database) as conn:
        register(conn, mode=mode)
        place_many(conn, 25)
        run_all(conn)
        answer = rebuild_all(conn)
        assert (answer["differing"], answer["missing"], answer["extra"]) == (0, 0, 0)


def test_both_are_compared_at_one_position(database: str) -> None:
    """The live rows are behind the shadow, then ahead of it: no difference either way."""
    with opened(database) as conn, connect(database) as slow:
        register(conn)
        place_many(conn, 25)
        run(conn, limit=5)
        answer = rebuild_all(conn, limit=7)
        assert (answer["differing"], answer["missing"], answer["extra"]) == (0, 0, 0)
        place_many(conn, 5)
        rebuild(conn, limit=10)
        place(slow, "slow", "s1")
        place_many(conn, 5)
        slow.commit()
        run_all(conn)
        answer = rebuild_all(conn, limit=10)
        assert (answer["differing"], answer["missing"], answer["extra"]) == (0, 0, 0)
        assert stored(conn) == expected(conn)


def test_runs_go_on_while_it_fills(database: str) -> None:
    with opened(database) as conn, connect(database) as rebuilding:
        register(conn)
        place_many(conn, 25)
        assert rebuild(rebuilding, limit=10)["phase"] == "filling"
        assert run(conn)["events"] == 25
        rebuilding.commit()
        assert rebuild_all(conn)["differing"] == 0


def test_a_second_one_is_told_that_it_is_busy(database: str) -> None:
    with opened(database) as conn, connect(database) as rebuilding:
        register(conn)
        place_many(conn, 25)
        rebuild(rebuilding, limit=10)
        with raises(conn, "KD511"):
            rebuild(conn)
        rebuilding.commit()
        assert rebuild(conn)["phase"] == "swapped"
        assert stored(conn) == expected(conn)


def test_the_swap_waits_for_a_run_and_has_what_it_wrote(database: str) -> None:
    with opened(database) as conn, connect(database) as runner, connect(database) as swapping:
        register(conn)
        place_many(conn, 25)
        run(runner)
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(rebuild, swapping)
            wait_for_lock(conn, swapping.info.backend_pid)
            runner.commit()
            assert answer.result()["differing"] == 0
        with raises(conn, "KD511"):
            run(conn)
        swapping.commit()
        assert run(conn)["events"] == 0
        assert stored(conn) == expected(conn)


@MODES
def test_what_is_rolled_back_is_done_again(database: str, mode: str) -> None:
    with opened(database) as conn, connect(database) as crashing:
        register(conn, mode=mode)
        place_many(conn, 25)
        run_all(conn)
        before = status(conn)
        rebuild(crashing, limit=10)
        crashing.rollback()
        assert status(conn) == before
        rebuild(conn, limit=10)
        assert rebuild(crashing)["phase"] == "swapped"
        crashing.rollback()
        assert status(conn)["rebuild_position"] == 10
        assert stored(conn) == expected(conn)
        assert rebuild(conn)["phase"] == "swapped"
        assert stored(conn) == expected(conn)


@pytest.mark.parametrize("mode", ["async", "inline"])
def test_appends_meanwhile_are_in_it_once_and_readers_see_a_whole(database: str, mode: str) -> None:
    """A reader looks all the time: never fewer stores than there were before."""

    def work(conn: Connection, number: int, n: int) -> None:
        if number < 3:
            place(conn, f"{number}-{n}", f"s{n % 7}", n)
        elif number == 3:
            try:
                run(conn, limit=20)
            except psycopg.Error as error:
                assert error.sqlstate == "KD511"
        else:
            statement = "select count(*) from dbkit.list_projection('orders_per_store')"
            assert one(conn, statement) == 7

    with opened(database) as conn:
        register(conn, mode=mode)
        place_many(conn, 100)
        run_all(conn)
        with writers(database, 5, work):
            for _ in range(3):
                answer = rebuild_all(conn, limit=300)
                found = (answer["differing"], answer["missing"], answer["extra"])
                assert found == (0, 0, 0)
        run_all(conn)
        assert stored(conn) == expected(conn)
        assert problems(conn) == []
        assert status(conn)["generation"] == 4


def test_control_a_swap_without_the_lock_loses_an_open_append(database: str) -> None:
    """The same last step as superuser by hand, with an append open that wrote the old rows."""
    with opened(database) as conn, connect(database) as writer:
        register(conn, mode="inline")
        place_many(conn, 10)
        rebuild(conn, limit=5)
        place(writer, "open", "s1")
        conn.execute(
            """select dbkit._project_up_to(row(c.*)::dbkit.event_projection_checkpoints,
              pg_sequence_last_value('dbkit.event_position_seq'))
            from dbkit.event_projection_checkpoints c where c.generation = 2;
            update dbkit.event_projection_definitions
            set live_generation = 2, shadow_generation = null;
            select dbkit._generate_event_functions()"""
        )
        writer.commit()
        assert stored(conn) != expected(conn)
        assert [p["problem"] for p in problems(conn)] == ["differing"]


def test_an_open_append_holds_up_the_swap_of_an_inline_one_for_a_bounded_time(
    database: str,
) -> None:
    with opened(database) as conn, connect(database) as idle:
        register(conn, mode="inline")
        place_many(conn, 10)
        place(idle, "1", "s1")
        answer = rebuild(conn)
        assert (answer["phase"], answer["lag"]) == ("filling", 0)
        place(conn, "2", "s2")
        idle.commit()
        answer = rebuild(conn)
        assert (answer["phase"], answer["differing"]) == ("swapped", 0)
        assert stored(conn) == expected(conn)


def test_an_inline_one_that_is_not_live_becomes_so(database: str) -> None:
    with opened(database) as conn:
        place_many(conn, 10)
        register(conn, mode="inline")
        assert rebuild(conn)["phase"] == "swapped"
        assert status(conn)["is_live"] is True
        place(conn, "1", "s1")
        assert stored(conn) == expected(conn)


def test_one_that_an_event_stops_is_made_anew_without_a_comparison(database: str) -> None:
    with opened(database) as conn:
        register(conn)
        place_many(conn, 10)
        conn.execute(
            """select dbkit.append_event('purchase', 'bad', 'OrderPlaced',
              '{"store": "s1", "cents": "many"}')"""
        )
        run(conn)
        answer = rebuild(conn)
        assert (answer["phase"], answer["failed_position"]) == ("filling", 11)
        assert answer["last_error"].startswith("22P02")
        assert len(stored(conn)) == 7
        mended = (
            one(conn, "select pg_get_functiondef('app.orders_per_store'::regproc)")
            .replace(
                "(p_event.event_data ->> 'cents')::int",
                "nullif(p_event.event_data ->> 'cents', 'many')::int",
            )
            .replace("'cents', coalesce", "'cents', coalesce")
            .replace("REPLACE", "replace")
        )
        conn.execute(mended.encode())
        answer = rebuild(conn)
        assert answer["phase"] == "swapped"
        assert sum(state["orders"] for state in stored(conn).values()) == 11


def test_needs_the_service_and_a_name_that_is_known(database: str) -> None:
    with opened(database) as conn:
        register(conn)
        with raises(conn, "KD510"):
            rebuild(conn, "nothing")
        with raises(conn, "KD004"):
            rebuild(conn, limit=0)
        with conn.transaction():
            become(conn, "authenticated")
            with raises(conn, "42501"):
                rebuild(conn)
            unbecome(conn)
            become(conn, "service_role")
            assert rebuild(conn)["phase"] == "swapped"
            unbecome(conn)


def test_an_older_snapshot_does_not_write_the_old_rows(database: str) -> None:
    """A transaction that began before the swap: what it appends is in the new rows, or it fails."""
    with opened(database) as conn, connect(database) as old:
        register(conn, mode="inline")
        place_many(conn, 10)
        old.execute("begin isolation level repeatable read")
        one(old, "select count(*) from dbkit.event_store")
        assert rebuild(conn)["phase"] == "swapped"
        with raises(old, "40001"):
            place(old, "1", "s1")
        place(old, "2", "new")
        old.commit()
        assert stored(conn) == expected(conn)
        assert ("default", "new") in stored(conn)
