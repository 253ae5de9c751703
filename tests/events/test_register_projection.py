from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.events.projections import (
    LAST_STATUS,
    REDUCER,
    STORE,
    TWICE,
    expected,
    opened,
    place,
    place_many,
    problems,
    rebuild_all,
    register,
    run,
    run_all,
    status,
    stored,
    wait_for_lock,
    writers,
)
from tests.helpers import Connection, become, connect, one, raises, rows, unbecome

DEFINITIONS = "select projection from dbkit.event_projection_definitions"


def test_registers_and_says_how_it_stands(database: str) -> None:
    with opened(database) as conn:
        answer = register(conn)
        assert answer == {
            "projection": "orders_per_store",
            "mode": "async",
            "is_live": False,
            "rebuilding": False,
        }
        assert status(conn)["position"] == 0


def test_the_same_again_starts_nothing(database: str) -> None:
    with opened(database) as conn:
        register(conn)
        place(conn, "1", "a")
        run(conn)
        assert register(conn)["rebuilding"] is False
        assert status(conn)["events"] == 1


def test_names_without_arguments_are_the_same(database: str) -> None:
    with opened(database) as conn:
        register(conn)
        assert (
            register(conn, reducer="app.orders_per_store", key="app.store")["rebuilding"] is False
        )


def test_all_is_one_type(database: str) -> None:
    with opened(database) as conn:
        register(conn, types=("OrderPlaced", "*"))
        for table in ("event_projection_definitions", "event_projection_checkpoints"):
            types = f"select event_types from dbkit.{table} where projection = 'orders_per_store'"
            assert one(conn, types) == ["*"]


BAD = {
    "name": {"name": "Orders"},
    "mode": {"mode": "later"},
    "types": {"types": ()},
    "empty type": {"types": ("",)},
    "unknown reducer": {"reducer": "app.nothing(jsonb,dbkit.event_store)"},
    "other arguments": {"reducer": "app.orders_per_store(jsonb)"},
    "not a signature": {"reducer": "x(jsonb); drop table"},
    "wrong arguments": {"reducer": STORE},
    "wrong key": {"key": REDUCER},
    "unknown key": {"key": "app.nothing(dbkit.event_store)"},
    "volatile": {"reducer": "app.volatile(jsonb,dbkit.event_store)"},
    "strict": {"reducer": "app.strict(jsonb,dbkit.event_store)"},
    "mode change": {"name": "there", "mode": "inline"},
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_rejects_what_cannot_run(database: str, bad: dict[str, str]) -> None:
    with opened(database) as conn:
        conn.execute(
            """create function app.volatile(s jsonb, e dbkit.event_store) returns jsonb
            language sql volatile as 'select s';
            create function app.strict(s jsonb, e dbkit.event_store) returns jsonb
            language sql immutable strict as 'select s'"""
        )
        register(conn, "there")
        with raises(conn, "KD508") as caught:
            register(conn, **bad)  # type: ignore[arg-type]
        assert caught.hint


def test_a_reducer_cannot_write(database: str) -> None:
    """So a rebuild, which runs it over the whole past, has no side effects."""
    with opened(database) as conn:
        conn.execute(
            """create table app.log (n int);
            create function app.writes(s jsonb, e dbkit.event_store) returns jsonb
            language plpgsql stable as 'begin insert into app.log values (1); return ''{}''; end'"""
        )
        register(conn, reducer="app.writes(jsonb,dbkit.event_store)")
        place(conn, "1", "a")
        assert run(conn)["last_error"].startswith("0A000")
        assert one(conn, "select count(*) from app.log") == 0


@pytest.mark.parametrize("role", ["authenticated", "service_role"])
def test_only_a_super_admin_registers(database: str, role: str) -> None:
    with opened(database) as conn, conn.transaction():
        become(conn, role)
        with raises(conn, "42501"):
            register(conn)


def test_inline_is_live_at_once_where_nothing_is_to_be_read(database: str) -> None:
    with opened(database) as conn:
        place(conn, "1", "a", event_type="OrderViewed")
        assert register(conn, mode="inline")["is_live"] is True
        place(conn, "2", "a")
        place(conn, "2", "a", event_type="OrderViewed")
        assert stored(conn) == expected(conn) != {}


def test_inline_over_old_events_becomes_live_when_it_has_caught_up(database: str) -> None:
    with opened(database) as conn:
        place_many(conn, 30)
        assert register(conn, mode="inline")["is_live"] is False
        place(conn, "x", "s1")
        assert stored(conn) == {}
        assert run(conn, limit=20)["is_live"] is False
        place(conn, "y", "s1")
        answer = run(conn)
        assert (answer["is_live"], answer["lag"]) == (True, 0)
        place(conn, "z", "s1")
        assert stored(conn) == expected(conn)
        assert problems(conn) == []


def test_inline_refuses_an_append_that_its_reducer_refuses(database: str) -> None:
    with opened(database) as conn:
        register(conn, mode="inline")
        place(conn, "1", "a")
        with raises(conn, "22P02"):
            conn.execute(
                """select dbkit.append_event('purchase', '2', 'OrderPlaced',
                  '{"store": "a", "cents": "many"}')"""
            )
        assert stored(conn) == expected(conn)
        assert one(conn, "select count(*) from dbkit.event_store") == 1


def test_inline_sees_a_whole_batch_in_order(database: str) -> None:
    with opened(database) as conn:
        register(conn, mode="inline", reducer=LAST_STATUS, key=None, types=("*",))
        conn.execute(
            """select dbkit.append_events('purchase', '1', '[
              {"event_type": "OrderPlaced", "event_data": {"n": 1}},
              {"event_type": "OrderConfirmed", "event_data": {"n": 2}}]')"""
        )
        assert stored(conn) == {("default", "1"): {"n": 2}}
        conn.execute("select dbkit.append_event('purchase', '1', 'OrderClosed', '{}')")
        assert stored(conn) == {}
        conn.execute("select dbkit.append_event('purchase', '1', 'OrderPlaced', '{\"n\": 3}')")
        assert stored(conn) == {("default", "1"): {"n": 3}}


def test_two_inline_appends_that_begin_one_row_both_count(database: str) -> None:
    with opened(database) as conn, connect(database) as first, connect(database) as second:
        register(conn, mode="inline")
        place(first, "1", "a")
        pid = second.info.backend_pid
        with ThreadPoolExecutor(1) as pool:
            later = pool.submit(place, second, "2", "a")
            wait_for_lock(conn, pid)
            first.commit()
            later.result()
        second.commit()
        assert stored(conn) == expected(conn)
        assert stored(conn)["default", "a"]["orders"] == 2


def test_another_reducer_fills_a_shadow_and_the_old_rows_go_on(database: str) -> None:
    with opened(database) as conn:
        register(conn)
        place_many(conn, 10)
        run(conn)
        assert register(conn, reducer=TWICE)["rebuilding"] is True
        place(conn, "x", "s1")
        run(conn)
        assert stored(conn) == expected(conn)
        answer = rebuild_all(conn)
        assert answer["differing"] == 7
        place(conn, "y", "s1")
        run(conn)
        wanted = {key: {"orders": state["orders"] * 2} for key, state in expected(conn).items()}
        assert stored(conn) == wanted
        assert problems(conn) == []


def test_another_reducer_of_an_inline_one_is_written_by_appends_after_the_swap(
    database: str,
) -> None:
    with opened(database) as conn:
        register(conn, mode="inline")
        place(conn, "1", "a")
        register(conn, mode="inline", reducer=TWICE)
        place(conn, "2", "a")
        assert stored(conn) == expected(conn)
        rebuild_all(conn)
        place(conn, "3", "a")
        assert stored(conn) == {("default", "a"): {"orders": 6}}


# --- becoming live between appends ---------------------------------------------------------


def test_waits_for_an_open_append_and_has_its_event(database: str) -> None:
    with opened(database) as conn, connect(database) as writer, connect(database) as admin:
        place(writer, "1", "a")
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(register, admin, mode="inline")
            wait_for_lock(conn, admin.info.backend_pid)
            writer.commit()
            assert answer.result()["is_live"] is True
        admin.commit()
        place(conn, "2", "a")
        assert stored(conn) == expected(conn)
        assert stored(conn)["default", "a"]["orders"] == 2


def test_an_append_that_waited_for_the_registration_is_in_it(database: str) -> None:
    """Its session has planned appends before: they must not go by the old function."""
    with opened(database) as conn, connect(database) as admin, connect(database) as writer:
        for n in range(8):
            place(writer, f"{n}", "a", event_type="OrderViewed")
            writer.commit()
        register(admin, mode="inline")
        with ThreadPoolExecutor(1) as pool:
            later = pool.submit(place, writer, "9", "a")
            wait_for_lock(conn, writer.info.backend_pid)
            admin.commit()
            later.result()
        writer.commit()
        assert stored(conn) == expected(conn) != {}


def test_control_without_lock_and_last_look_an_open_append_is_missed(database: str) -> None:
    with opened(database) as conn, connect(database) as writer:
        place(conn, "0", "a")
        register(conn, mode="inline")
        place(writer, "1", "a")
        conn.execute(
            """update dbkit.event_projection_definitions set mode = 'async';
            select dbkit.run_projection('orders_per_store');
            update dbkit.event_projection_definitions set mode = 'inline', is_live = true;
            select dbkit._generate_event_functions()"""
        )
        writer.commit()
        assert stored(conn) != expected(conn)
        assert [p["problem"] for p in problems(conn)] == ["differing"]


def test_an_older_snapshot_does_not_hide_the_registration(database: str) -> None:
    with opened(database) as conn, connect(database) as old:
        old.execute("begin isolation level repeatable read")
        one(old, "select count(*) from dbkit.event_store")
        assert register(conn, mode="inline")["is_live"] is True
        place(old, "1", "a")
        old.commit()
        assert stored(conn) == expected(conn) != {}


def test_a_transaction_that_stays_open_does_not_stop_appends_for_good(database: str) -> None:
    with opened(database) as conn, connect(database) as idle:
        place(idle, "1", "a")
        assert register(conn, mode="inline")["is_live"] is False
        place(conn, "2", "a")
        idle.commit()
        with conn.transaction(), raises(conn, "KD512"):
            conn.execute("select dbkit.get_projection('orders_per_store', 'a')")
        assert run_all(conn)["is_live"] is True
        assert stored(conn) == expected(conn)


def test_registered_while_four_writers_append_nothing_is_missed_or_double(database: str) -> None:
    def work(conn: Connection, writer: int, n: int) -> None:
        place(conn, f"{writer}-{n}", f"s{n % 3}", n)

    with opened(database) as conn:
        with writers(database, 4, work):
            register(conn, mode="inline")
            while not run(conn, limit=50)["is_live"]:
                pass
            caught_up = one(conn, "select count(*) from dbkit.event_store")
            while one(conn, "select count(*) from dbkit.event_store") < caught_up + 100:
                pass
        assert stored(conn) == expected(conn)
        assert problems(conn) == []
        assert sum(state["orders"] for state in stored(conn).values()) == one(
            conn, "select count(*) from dbkit.event_store"
        )


def test_definitions_are_readable_and_not_writable(database: str) -> None:
    with opened(database) as conn, conn.transaction():
        register(conn)
        become(conn, "authenticated")
        names = [r["projection"] for r in rows(conn, DEFINITIONS)]
        assert "orders_per_store" in names
        with raises(conn, "42501"):
            conn.execute("delete from dbkit.event_projection_definitions")
        with raises(conn, "42501"):
            conn.execute("select * from dbkit.event_projection_checkpoints")
        unbecome(conn)


# --- p_access => 'service' -----------------------------------------------------------------

GET = "select dbkit.get_projection('orders_per_store', 'a')"
LIST = "select * from dbkit.list_projection('orders_per_store')"
TABLE = "select * from dbkit.event_projections where projection = 'orders_per_store'"
DOMAIN = """create function app.my_store(p_store text)
returns jsonb
language sql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
select dbkit._read_projection('acme', 'orders_per_store', p_store)
$$;
grant usage on schema app to authenticated;
grant execute on function app.my_store(text) to authenticated"""
"""A function that decides for itself who reads what."""


def give(conn: Connection, access: str, mode: str) -> None:
    conn.execute(
        """select dbkit.register_projection('orders_per_store', %s, '{OrderPlaced}', %s, %s,
          p_access => %s)""",
        [REDUCER, mode, STORE, access],
    )


def tenant(conn: Connection) -> None:
    become(conn, "authenticated", organization_id="acme")


@pytest.mark.parametrize("mode", ["async", "on_demand", "inline"])
def test_what_is_for_the_service_is_hidden_from_tenants(database: str, mode: str) -> None:
    with opened(database) as conn:
        give(conn, "service", mode)
        with conn.transaction():
            tenant(conn)
            place(conn, "1", "a")
        if mode != "inline":
            run(conn)
        with conn.transaction():
            tenant(conn)
            told = set()
            for read in (
                GET,
                LIST,
                "select dbkit.get_projection('orders_per_store', 'nothing')",
                "select dbkit._read_projection('acme', 'orders_per_store', 'a')",
                "select dbkit._ready_projection('orders_per_store')",
            ):
                with raises(conn, "KD003") as caught:
                    rows(conn, read)
                told.add(caught.message)
            assert len(told) == 1
            assert rows(conn, TABLE) == []
            with raises(conn, "42501"):
                status(conn)
        with conn.transaction():
            become(conn, "service_role", organization_id="acme")
            assert one(conn, GET)["orders"] == 1
            assert [r["key"] for r in rows(conn, LIST)] == ["a"]
            assert len(rows(conn, TABLE)) == 1
            assert status(conn)["row_count"] == 1


@pytest.mark.parametrize("mode", ["async", "on_demand", "inline"])
def test_functions_of_a_domain_read_it_for_their_callers(database: str, mode: str) -> None:
    with opened(database) as conn:
        conn.execute(DOMAIN.encode())
        give(conn, "service", mode)
        with conn.transaction():
            tenant(conn)
            place(conn, "1", "a")
        if mode == "async":
            run(conn)
        with conn.transaction():
            tenant(conn)
            assert one(conn, "select app.my_store('a')")["orders"] == 1
            assert one(conn, "select app.my_store('b')") is None
            with raises(conn, "KD003"):
                one(conn, GET)


def test_open_sessions_go_by_the_new_access_at_once(database: str) -> None:
    """The list of projections is a constant in their plans: those must be made again."""
    with opened(database) as conn, connect(database, autocommit=True) as reader:
        give(conn, "organization", "async")
        place(conn, "1", "a")
        run(conn)
        reader.execute("set plan_cache_mode = force_generic_plan")
        reader.execute("set role authenticated")
        for access in ("organization", "service", "organization", "service"):
            give(conn, access, "async")
            assert status(conn)["rebuilding"] is False
            for _ in range(7):
                if access == "organization":
                    assert one(reader, GET)["orders"] == 1
                    assert len(rows(reader, LIST)) == len(rows(reader, TABLE)) == 1
                else:
                    assert rows(reader, TABLE) == []
                    for read in (GET, LIST):
                        with pytest.raises(psycopg.Error) as caught:
                            rows(reader, read)
                        assert caught.value.sqlstate == "KD003"


@pytest.mark.parametrize("access", ["anon", ""])
def test_rejects_an_unknown_access(database: str, access: str) -> None:
    with opened(database) as conn, raises(conn, "KD508") as caught:
        give(conn, access, "async")
    assert "access" in caught.message
