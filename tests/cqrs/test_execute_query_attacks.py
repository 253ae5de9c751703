"""What would make a cached answer wrong: told too early, with others' settings, forgotten."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from tests.cqrs.parts import Json, ask
from tests.events import stress
from tests.events.projections import wait_for_lock
from tests.helpers import Connection, connect, one, raises, rows

ROUNDS = 150 * stress.TORTURE
ASKERS = 4

SEEN = """
create function shop.seen(p_params jsonb) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, dbkit, pg_temp as $$
begin return (select coalesce(jsonb_agg(e.position), '[]') from dbkit.event_store e
  where e.event_type = 'Added'); end $$;
grant execute on function shop.seen(jsonb) to authenticated, service_role, super_admin;
select dbkit.register_query('seen', 'shop.seen', '{Added}', p_vary => 'organization');
"""


# --- positions that are told before they are committed ---------------------------------------


def ask_until_reached(url: str, token: int, ready: threading.Barrier) -> Json:
    with connect(url, autocommit=True, options="-c role=authenticated") as conn:
        ask(conn, "seen")
        ready.wait(60)
        while True:
            try:
                return ask(conn, "seen", {}, token)
            except psycopg.Error as error:
                assert error.sqlstate == "KD608", error


def test_a_token_that_is_known_before_its_commit_is_not_met_too_early(shop_url: str) -> None:
    """The answer is looked up in the snapshot in which the position is reached, or in a later."""
    with connect(shop_url) as conn:
        conn.execute(SEEN.encode())
    chance = random.Random(stress.SEED)
    append = "select dbkit.append_event('cart', %s, 'Added', '{}')"
    too_early = []
    with connect(shop_url) as writer, ThreadPoolExecutor(ASKERS) as pool:
        for n in range(ROUNDS):
            token = one(writer, append, f"c{n}")["position"]
            ready = threading.Barrier(ASKERS + 1)
            asked = [pool.submit(ask_until_reached, shop_url, token, ready) for _ in range(ASKERS)]
            ready.wait(60)
            writer.execute("select pg_sleep(%s)", [chance.random() * 0.003])
            writer.commit()
            answers = [each.result() for each in asked]
            too_early += [answer for answer in answers if token not in answer["data"]]
    assert too_early == [], f"seed {stress.SEED}"


# --- settings of a session -------------------------------------------------------------------

FORMATTED = """
create function shop.formatted(p_params jsonb) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin return jsonb_build_object('at', timestamptz '2026-01-01 00:00:00+00',
  'text', (timestamptz '2026-01-01 00:00:00+00')::text, 'for', (interval '26 hours')::text,
  'search', to_tsvector('the cats')::text); end $$;
grant execute on function shop.formatted(jsonb) to authenticated, service_role, super_admin;
select dbkit.register_query('formatted', 'shop.formatted', '{Added}', p_vary => 'organization');
"""


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("TimeZone", "Asia/Tokyo"),
        ("DateStyle", "SQL, DMY"),
        ("IntervalStyle", "iso_8601"),
        ("default_text_search_config", "pg_catalog.english"),
    ],
)
def test_nobody_chooses_how_others_see_times(shop_url: str, setting: str, value: str) -> None:
    with connect(shop_url) as conn:
        conn.execute(FORMATTED.encode())
    options = "-c role=authenticated -c timezone=UTC -c default_text_search_config=simple"
    with connect(shop_url, autocommit=True, options=options) as mallory:
        mallory.execute("select set_config(%s, %s, false)", [setting, value])
        theirs = ask(mallory, "formatted")
        assert ask(mallory, "formatted")["cached"]
    with connect(shop_url, autocommit=True, options=options) as ada:
        assert ask(ada, "formatted")["data"] != theirs["data"]
        assert ask(ada, "formatted")["cached"]


# --- forgetting ------------------------------------------------------------------------------

PEOPLE = """
create function shop.fold(p_state jsonb, p_event dbkit.event_store) returns jsonb
language sql immutable as $$ select coalesce(p_state, '{}') || p_event.event_data $$;
create function shop.names(p_params jsonb) returns jsonb
language plpgsql stable as $$
begin return (select coalesce(jsonb_agg(e.event_data -> 'name'), '[]') from dbkit.events e
  where e.event_type = 'Joined'); end $$;
create function shop.state(p_params jsonb) returns jsonb
language plpgsql stable as $$
begin return dbkit.get_aggregate_state('person', 'p'); end $$;
grant execute on all functions in schema shop to authenticated, service_role, super_admin;
select dbkit.protect_event_fields('Joined', '{person}', '[["name"]]');
select dbkit.register_applier('person', 'shop.fold');
select dbkit.register_query('names', 'shop.names', '{Joined}');
select dbkit.register_query('state', 'shop.state', '{Joined}');
select dbkit.append_event('person', 'p', 'Joined', '{"person": "p-1", "name": "Ada Secret"}');
"""
FORGET = "select dbkit.forget_subject('p-1', 'asked to')"


@pytest.fixture
def people(shop_url: str) -> str:
    with connect(shop_url) as conn:
        conn.execute(PEOPLE.encode())
        conn.execute("select dbkit.create_snapshot('person', 'p')")
    return shop_url


def cached_text(url: str) -> str:
    with connect(url) as conn:
        return str(
            one(conn, "select coalesce(string_agg(c::text, ' '), '') from dbkit.query_cache c")
        )


def as_ada(url: str, **options: Any) -> Connection:
    return connect(url, options="-c role=authenticated -c dbkit.user_id=ada", **options)


@pytest.mark.parametrize("query", ["names", "state"])
def test_forgetting_a_subject_drops_what_is_cached_of_it(people: str, query: str) -> None:
    with as_ada(people, autocommit=True) as ada:
        assert "Ada Secret" in str(ask(ada, query))
        assert ask(ada, query)["cached"]
        assert "Ada Secret" in cached_text(people)
        with connect(people, autocommit=True) as admin:
            admin.execute(FORGET)
        assert cached_text(people) == ""
        assert "Ada Secret" not in str(ask(ada, query))


@pytest.mark.parametrize("query", ["names", "state"])
def test_an_answer_that_is_being_kept_meanwhile_does_not_survive(people: str, query: str) -> None:
    with (
        as_ada(people) as ada,
        connect(people, autocommit=True) as admin,
        connect(people, autocommit=True) as watching,
        ThreadPoolExecutor(1) as pool,
    ):
        assert "Ada Secret" in str(ask(ada, query))
        forgetting = pool.submit(admin.execute, FORGET.encode())
        wait_for_lock(watching, admin.info.backend_pid)
        ada.commit()
        forgetting.result(60)
    assert "Ada Secret" not in cached_text(people)


@pytest.mark.parametrize("query", ["names", "state"])
def test_nothing_is_kept_while_a_subject_is_being_forgotten(people: str, query: str) -> None:
    with as_ada(people, autocommit=True) as ada, connect(people) as admin:
        admin.execute(FORGET)
        ada.execute("set lock_timeout = '100ms'")
        if query == "state":
            assert "Ada Secret" in str(ask(ada, query)), "nobody waits for it"
        else:
            with raises(ada, "55P03"):
                ask(ada, query)
        ask(ada, "count")
        assert not ask(ada, "count")["cached"]
        admin.commit()
        assert "Ada Secret" not in cached_text(people)
        assert "Ada Secret" not in str(ask(ada, query))


def test_who_computes_for_long_is_waited_for_only_so_long(people: str) -> None:
    with as_ada(people) as ada, connect(people, autocommit=True) as admin:
        ask(ada, "count")
        with raises(admin, "KD515"):
            admin.execute(FORGET)
        ada.commit()
        admin.execute(FORGET)


def test_who_ends_within_five_seconds_is_waited_for(people: str) -> None:
    """It waits for half a second at a time, and lets its locks go in between."""
    waits_since = "select waitstart from pg_locks where pid = %s and not granted"
    with (
        as_ada(people) as ada,
        connect(people, autocommit=True) as admin,
        connect(people, autocommit=True) as watching,
        ThreadPoolExecutor(1) as pool,
    ):
        ask(ada, "count")
        forgetting = pool.submit(one, admin, FORGET)
        seen: set[str] = set()
        while len(seen) < 2:
            assert not forgetting.done(), forgetting.result()
            found = rows(watching, waits_since, admin.info.backend_pid)
            seen |= {str(each["waitstart"]) for each in found if each["waitstart"]}
        ada.commit()
        assert forgetting.result(60)["events"] == 1


def test_a_reader_is_never_the_victim_of_forgetting(people: str) -> None:
    """It waits for the subject, and whoever forgets for its answers: the latter gives way."""
    with (
        as_ada(people) as ada,
        connect(people, autocommit=True) as admin,
        connect(people, autocommit=True) as watching,
        ThreadPoolExecutor(1) as pool,
    ):
        ask(ada, "count")
        forgetting = pool.submit(admin.execute, FORGET.encode())
        wait_for_lock(watching, admin.info.backend_pid)
        assert "Ada Secret" in str(ask(ada, "names"))
        with pytest.raises(psycopg.Error) as caught:
            forgetting.result(60)
        assert caught.value.sqlstate == "KD515"


def test_a_subject_is_forgotten_in_read_committed_only(people: str) -> None:
    with connect(people) as admin:
        admin.execute("set transaction isolation level repeatable read")
        with raises(admin, "KD004"):
            admin.execute(FORGET)


# --- what no event tells of ------------------------------------------------------------------


def test_an_archived_stream_keeps_its_events_in_answers(shop_url: str) -> None:
    with connect(shop_url, autocommit=True) as admin, as_ada(shop_url, autocommit=True) as ada:
        one(admin, "select dbkit.append_event('cart', 'c', 'Added', '{}')")
        first = ask(ada, "count")
        for change in ("archive_stream", "restore_stream"):
            one(admin, f"select dbkit.{change}('cart', 'c')")
            assert ask(ada, "count") == first | {"cached": True}
            one(admin, "select dbkit.flush_query_cache('count')")
            first = ask(ada, "count")
            assert first["data"]["count"] == 1
