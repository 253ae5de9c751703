from __future__ import annotations

import psycopg
import pytest

from tests.events.projections import (
    LAST_STATUS,
    REDUCER,
    STORE,
    expected,
    opened,
    place,
    place_many,
    problems,
    register,
    run,
    run_all,
    status,
    stored,
    writers,
)
from tests.helpers import Connection, become, connect, one, raises, row, rows, unbecome


def test_folds_in_batches_until_nothing_lags(database: str) -> None:
    with opened(database) as conn:
        register(conn)
        place_many(conn, 25)
        first = run(conn, limit=10)
        assert (first["events"], first["position"], first["lag"]) == (10, 10, 15)
        assert run_all(conn)["position"] == 25
        assert stored(conn) == expected(conn)
        assert run(conn) | {"events": 0} == run(conn)
        assert status(conn)["events"] == 25


def test_organizations_are_apart(database: str) -> None:
    with opened(database) as conn:
        register(conn)
        for organization in ("acme", "bistro"):
            with conn.transaction():
                become(conn, "authenticated", organization_id=organization)
                place(conn, "1", "a")
                unbecome(conn)
        run(conn)
        assert stored(conn).keys() == {("acme", "a"), ("bistro", "a")}


def test_without_a_key_function_the_stream_is_the_row(database: str) -> None:
    with opened(database) as conn:
        register(conn, reducer=LAST_STATUS, key=None)
        place(conn, "7", "a")
        run(conn)
        assert stored(conn).keys() == {("default", "7")}


def test_a_null_key_skips_and_a_null_state_deletes(database: str) -> None:
    with opened(database) as conn:
        register(conn, reducer=LAST_STATUS, types=("*",))
        conn.execute("select dbkit.append_event('purchase', '1', 'OrderPlaced', '{}')")
        place(conn, "2", "a")
        place(conn, "3", "b")
        assert run(conn)["events"] == 3
        assert stored(conn).keys() == {("default", "a"), ("default", "b")}
        place(conn, "2", "a", event_type="OrderClosed")
        run(conn)
        assert stored(conn).keys() == {("default", "b")}
        place(conn, "3", "b", event_type="OrderClosed")
        place(conn, "3", "b", cents=9)
        run(conn)
        assert stored(conn) == {("default", "b"): {"store": "b", "cents": 9}}


def test_events_that_it_does_not_read_leave_no_lag(database: str) -> None:
    with opened(database) as conn:
        register(conn)
        for n in range(20):
            place(conn, f"{n}", "a", event_type="OrderViewed")
        answer = run(conn, limit=5)
        assert (answer["events"], answer["lag"], answer["position"]) == (0, 0, 20)


def test_a_batch_that_is_exactly_full_does_not_pass_what_comes_after(database: str) -> None:
    with opened(database) as conn:
        register(conn)
        place_many(conn, 6)
        assert [run(conn, limit=3)["lag"] for _ in range(2)] == [3, 0]
        assert stored(conn) == expected(conn)


def test_an_open_append_is_waited_for_not_skipped(database: str) -> None:
    with opened(database) as conn, connect(database) as slow:
        register(conn)
        place(slow, "1", "a")
        place(conn, "2", "a")
        assert run(conn)["events"] == 0
        slow.commit()
        assert run(conn)["events"] == 2
        assert stored(conn) == expected(conn)


def test_reducers_get_events_in_their_newest_version(database: str) -> None:
    with opened(database) as conn:
        conn.execute(
            """create or replace function dbkit._current_event_data(p_organization_id text,
              p_event_type text, p_schema_version int, p_event_data jsonb)
            returns jsonb language sql stable
            as $$ select p_event_data || '{"store": "renamed", "cents": 5}' $$"""
        )
        # The generators would write the function anew: this is after them.
        conn.execute(
            """insert into dbkit.event_projection_definitions (projection, mode, reducer_signature,
              event_types, registered_at, registered_by)
            values ('p', 'async', 'x', '{*}', now(), 'me')"""
        )
        conn.execute(
            """insert into dbkit.event_projection_checkpoints (projection, generation,
              reducer_signature, key_signature, event_types, updated_at)
            values ('p', 1, %s, %s, '{*}', now())""",
            [REDUCER, STORE],
        )
        conn.execute("select dbkit._generate_after_append()")
        place(conn, "1", "old")
        run(conn, "p")
        assert stored(conn, "p") == {("default", "renamed"): {"orders": 1, "cents": 5}}


# --- exactly once --------------------------------------------------------------------------


def test_a_second_runner_is_told_that_it_is_busy(database: str) -> None:
    with opened(database) as conn, connect(database) as other:
        register(conn)
        place_many(conn, 5)
        run(other)
        with raises(conn, "KD511") as caught:
            run(conn)
        assert caught.detail == {"projection": "orders_per_store"}
        other.commit()
        assert run(conn)["events"] == 0
        assert stored(conn) == expected(conn)


def test_a_checkpoint_that_moved_meanwhile_is_not_moved_again(database: str) -> None:
    """Compare-and-set, below the lock: a caller with an old row writes nothing."""
    with opened(database) as conn:
        register(conn)
        place_many(conn, 5)
        old = """select dbkit._project_batch(c, 5, 10)
          from (select c.* from dbkit.event_projection_checkpoints c
            where c.projection = 'orders_per_store' offset 0) c"""
        conn.execute(
            """create table app.old as select c.* from dbkit.event_projection_checkpoints c
            where c.projection = 'orders_per_store'"""
        )
        conn.execute(old.encode())
        with raises(conn, "KD511"):
            conn.execute(
                """select dbkit._project_batch(
                  row(c.*)::dbkit.event_projection_checkpoints, 5, 10) from app.old c"""
            )
        assert stored(conn) == expected(conn)


def test_runners_and_writers_at_once_count_every_event_once(database: str) -> None:
    def work(conn: Connection, number: int, n: int) -> None:
        if number < 3:
            place(conn, f"{number}-{n}", f"s{n % 5}", n)
        else:
            try:
                run(conn, limit=7)
            except psycopg.Error as error:
                assert error.sqlstate == "KD511"

    with opened(database) as conn:
        register(conn)
        with writers(database, 6, work):
            while one(conn, "select count(*) from dbkit.event_store") < 400:
                pass
        run_all(conn)
        assert stored(conn) == expected(conn)
        assert status(conn)["events"] == one(conn, "select count(*) from dbkit.event_store")
        assert problems(conn) == []


def test_what_is_rolled_back_is_neither_in_the_rows_nor_in_the_checkpoint(database: str) -> None:
    with opened(database) as conn, connect(database) as crashing:
        register(conn)
        place_many(conn, 10)
        run(conn, limit=4)
        checkpoints = "select * from dbkit.event_projection_checkpoints"
        before = (stored(conn), rows(conn, checkpoints))
        assert run(crashing)["events"] == 6
        crashing.rollback()
        assert before == (stored(conn), rows(conn, checkpoints))
        run(crashing)
        one(conn, "select pg_terminate_backend(%s)", crashing.info.backend_pid)
        with pytest.raises(psycopg.OperationalError):
            crashing.execute("commit")
        run_all(conn)
        assert stored(conn) == expected(conn)


# --- an event that cannot be applied -------------------------------------------------------


def poison(conn: Connection, order: str) -> int:
    statement = """select dbkit.append_event('purchase', %s, 'OrderPlaced',
      '{"store": "s1", "cents": "many"}') ->> 'position'"""
    return int(one(conn, statement, order))


@pytest.mark.parametrize("place_of_it", [0, 1, 12, 19])
def test_a_failing_event_keeps_what_is_before_and_is_recorded(
    database: str, place_of_it: int
) -> None:
    with opened(database) as conn:
        register(conn)
        place_many(conn, place_of_it)
        position = poison(conn, "bad")
        poison(conn, "bad too")
        place_many(conn, 20 - place_of_it)
        answer = run(conn)
        assert answer["failed_position"] == position
        assert answer["events"] == place_of_it
        assert answer["position"] == position - 1
        assert answer["lag"] > 0
        assert answer["last_error"].startswith("22P02: ")
        wanted = one(
            conn,
            """select count(*) from dbkit.event_store where position < %s""",
            position,
        )
        assert sum(state["orders"] for state in stored(conn).values()) == wanted
        assert problems(conn) == []
        assert (run(conn)["events"], status(conn)["failures"]) == (0, 2)


def test_it_goes_on_once_the_reducer_is_mended(database: str) -> None:
    with opened(database) as conn:
        register(conn)
        place_many(conn, 3)
        poison(conn, "bad")
        place_many(conn, 3)
        run(conn)
        definition = one(
            conn, "select pg_get_functiondef('app.orders_per_store'::regproc)"
        ).replace(
            "p_event.event_data ->> 'cents'",
            "case p_event.event_data ->> 'cents' "
            "when 'many' then '0' else p_event.event_data ->> 'cents' end",
        )
        conn.execute(definition.encode())
        answer = run_all(conn)
        assert (answer["failed_position"], answer["last_error"], answer["lag"]) == (None, None, 0)
        assert status(conn)["failures"] == 0
        assert sum(state["orders"] for state in stored(conn).values()) == 7


def test_a_key_that_is_too_long_is_a_failure_of_its_event(database: str) -> None:
    with opened(database) as conn:
        register(conn)
        place(conn, "1", "a")
        position = place(conn, "2", "x" * 401)
        answer = run(conn)
        assert (answer["failed_position"], answer["last_error"][:5]) == (position, "23514")
        assert stored(conn).keys() == {("default", "a")}


def test_a_reducer_that_is_gone_stops_it(database: str) -> None:
    with opened(database) as conn:
        register(conn)
        place(conn, "1", "a")
        conn.execute("drop function app.orders_per_store")
        assert run(conn)["last_error"].startswith("42883")


def test_a_generated_function_that_is_too_old_stops_it(database: str) -> None:
    """Rather than pass events by."""
    with opened(database) as conn:
        register(conn)
        place(conn, "1", "a")
        conn.execute(
            """update dbkit.event_projection_checkpoints
            set reducer_signature = 'app.unknown(jsonb,dbkit.event_store)'"""
        )
        assert run(conn)["last_error"].startswith("KD512")


def test_a_cancelled_run_is_no_failure_of_the_event(database: str) -> None:
    with opened(database) as conn:
        conn.execute(
            """create function app.slow(s jsonb, e dbkit.event_store) returns jsonb
            language plpgsql stable as 'begin perform pg_sleep(60); return s; end'"""
        )
        register(conn, reducer="app.slow(jsonb,dbkit.event_store)")
        place(conn, "1", "a")
        conn.execute("set statement_timeout = '50ms'")
        with raises(conn, "57014"):
            run(conn)
        conn.execute("reset statement_timeout")
        assert status(conn)["failures"] == 0


# --- rights and limits ---------------------------------------------------------------------


def test_needs_the_service(database: str) -> None:
    with opened(database) as conn, conn.transaction():
        register(conn)
        become(conn, "authenticated")
        with raises(conn, "42501"):
            run(conn)
        unbecome(conn)
        become(conn, "service_role")
        assert run(conn)["lag"] == 0
        unbecome(conn)


def test_refuses_unknown_names_and_bad_limits(database: str) -> None:
    with opened(database) as conn:
        register(conn)
        with raises(conn, "KD510"):
            run(conn, "nothing")
        for limit in (0, -1, 10001):
            with raises(conn, "KD004"):
                run(conn, limit=limit)


def test_refuses_another_isolation_level(database: str) -> None:
    with opened(database) as conn:
        register(conn)
        conn.execute("begin isolation level repeatable read")
        with raises(conn, "KD507"):
            run(conn)
        conn.execute("rollback")


def test_does_nothing_to_a_live_inline_one(database: str) -> None:
    with opened(database) as conn:
        register(conn, mode="inline")
        place_many(conn, 5)
        before = rows(conn, "select * from dbkit.event_projections order by key")
        answer = run(conn)
        assert (answer["is_live"], answer["events"], answer["lag"]) == (True, 0, 0)
        assert rows(conn, "select * from dbkit.event_projections order by key") == before


# --- the plan ------------------------------------------------------------------------------

SCANS = """
select seq_scan, idx_scan, idx_tup_fetch
from pg_stat_xact_user_tables where relid = 'dbkit.event_store'::regclass
"""


POLLS = (
    "select dbkit.run_projection('orders_per_store', 100)",
    "select count(*) from dbkit.read_all(0, 100)",
    "select count(*) from dbkit.read_all(9000, 100, '{OrderPlaced}')",
)


def place_10000(conn: Connection) -> None:
    conn.execute(
        """select dbkit.append_events('purchase', 'm' || i, (
          select jsonb_agg(jsonb_build_object('event_type', 'OrderPlaced', 'event_data',
            jsonb_build_object('store', 's' || n % 7, 'cents', n)))
          from generate_series(1, 500) n))
        from generate_series(1, 20) i"""
    )
    conn.execute("analyze dbkit.event_store")


@pytest.mark.parametrize("plans", ["force_custom_plan", "force_generic_plan"])
def test_a_poll_reads_an_index_range(database: str, plans: str) -> None:
    with opened(database) as conn:
        register(conn)
        place_10000(conn)
        conn.execute(f"set plan_cache_mode = {plans}".encode())
        for poll in POLLS:
            conn.execute("select pg_stat_force_next_flush()")
            with conn.transaction():
                conn.execute(poll.encode())
                scans = row(conn, SCANS)
            assert scans["seq_scan"] == 0, poll
            assert scans["idx_scan"] >= 1
            assert scans["idx_tup_fetch"] <= 300


def test_control_a_poll_by_time_reads_the_table(database: str) -> None:
    with opened(database) as conn:
        place_10000(conn)
        conn.execute("select pg_stat_force_next_flush()")
        with conn.transaction():
            conn.execute("select count(*) from dbkit.event_store where created_at > '2000-01-01'")
            assert row(conn, SCANS)["seq_scan"] == 1
