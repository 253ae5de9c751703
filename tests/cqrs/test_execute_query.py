"""dbkit.execute_query: a cached answer is what the handler would say now."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.cqrs.parts import Json, ask, execute
from tests.events.parts import append
from tests.helpers import (
    Connection,
    become,
    connect,
    freeze_clock,
    one,
    raises,
    rows,
    unbecome,
)


def nonce(answer: Json) -> object:
    return answer["data"]["nonce"]


def add(conn: Connection, cart: str = "c", event_type: str = "Added", kind: str = "cart") -> int:
    appended = append(conn, cart, event_type, aggregate_type=kind)
    position = appended["position"]
    assert isinstance(position, int)
    return position


def test_answers_again_from_the_cache(open_shop: Connection) -> None:
    first = ask(open_shop, "count")
    again = ask(open_shop, "count")
    assert (first["cached"], again["cached"]) == (False, True)
    assert again == {**first, "cached": True}
    assert first["data"]["role"] == "authenticated", "the handler has the caller's rights"


def test_an_event_of_its_types_makes_it_compute_anew(open_shop: Connection) -> None:
    ask(open_shop, "count")
    add(open_shop)
    anew = ask(open_shop, "count")
    assert (anew["cached"], anew["data"]["count"]) == (False, 1)
    add(open_shop, event_type="Other")
    assert ask(open_shop, "count")["cached"]


def test_events_of_another_organization_do_not(open_shop: Connection) -> None:
    ask(open_shop, "count")
    open_shop.execute("set dbkit.organization_id = 'acme'")
    add(open_shop)
    assert ask(open_shop, "count")["data"]["count"] == 1
    open_shop.execute("set dbkit.organization_id = ''")
    assert ask(open_shop, "count")["cached"]


def test_other_parameters_are_another_answer(open_shop: Connection) -> None:
    one_ = ask(open_shop, "count", {"cart": "a"})
    assert not ask(open_shop, "count", {"cart": "b"})["cached"]
    assert nonce(ask(open_shop, "count", {"cart": "a"})) == nonce(one_)


def test_depends_on_one_stream_only(open_shop: Connection) -> None:
    ask(open_shop, "cart", {"cart": "a"})
    add(open_shop, "b")
    add(open_shop, "a", kind="another type")
    assert ask(open_shop, "cart", {"cart": "a"})["cached"]
    add(open_shop, "a", event_type="Anything")
    assert not ask(open_shop, "cart", {"cart": "a"})["cached"]


def test_a_shared_handler_has_the_plans_of_any_session(shop: Connection) -> None:
    """The settings under which the answer is looked up are not for it."""
    shop.execute(
        """create function shop.settings(p_params jsonb) returns jsonb
        language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
        begin return jsonb_build_array(current_setting('plan_cache_mode'),
          current_setting('enable_seqscan')); end $$;
        select dbkit.register_query('settings', 'shop.settings', '{Added}',
          p_vary => 'organization', p_required_role => 'postgres')"""
    )
    assert ask(shop, "settings")["data"] == ["auto", "on"]


# --- who gets which answer -------------------------------------------------------------------


def asked_as(shop: Connection, query: str, role: str, **context: str) -> Json:
    become(shop, role, **context)
    return ask(shop, query)


def test_a_users_answer_is_never_given_to_another(shop: Connection) -> None:
    given = [
        asked_as(shop, "count", "authenticated", user_id="ada"),
        asked_as(shop, "count", "authenticated", user_id="bob"),
        asked_as(shop, "count", "service_role", user_id="ada"),
        asked_as(shop, "count", "service_role"),
        asked_as(shop, "count", "super_admin"),
        asked_as(shop, "count", "authenticated", user_id="ada", organization_id="acme"),
    ]
    assert not any(answer["cached"] for answer in given)
    assert len({str(nonce(answer)) for answer in given}) == len(given)
    assert asked_as(shop, "count", "authenticated", user_id="ada")["cached"]


def test_another_token_is_another_answer(shop: Connection) -> None:
    become(shop, "authenticated")
    claims = {"sub": "ada", "stores": [1, 2]}
    shop.execute("select set_config('request.jwt.claims', %s, true)", [json.dumps(claims)])
    ask(shop, "count")
    assert ask(shop, "count")["cached"]
    shop.execute(
        "select set_config('request.jwt.claims', %s, true)",
        [json.dumps(claims | {"stores": [1]})],
    )
    assert not ask(shop, "count")["cached"]


def test_callers_without_a_name_share_nothing(shop: Connection) -> None:
    become(shop, "authenticated")
    ask(shop, "count")
    assert not ask(shop, "count")["cached"]
    assert not ask(shop, "count")["cached"]


def test_shared_answers_are_an_organizations_or_a_roles(shop: Connection) -> None:
    first = asked_as(shop, "shared", "authenticated", user_id="ada")
    assert asked_as(shop, "shared", "authenticated", user_id="bob") == {**first, "cached": True}
    assert asked_as(shop, "shared", "service_role")["cached"]
    assert not asked_as(shop, "shared", "authenticated", organization_id="acme")["cached"]
    asked_as(shop, "by_role", "authenticated", user_id="ada")
    assert asked_as(shop, "by_role", "authenticated", user_id="bob")["cached"]
    assert not asked_as(shop, "by_role", "service_role", user_id="bob")["cached"]


FORGE = "select dbkit._keep_own_answer(%s, %s, %s, '\"forged\"', %s, null, %s)"
QUERIES = ("shared", "by_role", "count")


def forge(shop: Connection, query: str, started: str = "2026-11-21") -> bool:
    """What a caller can do with the function that keeps its own answers."""
    key = b"k" * 32
    revision = one(shop, "select revision from dbkit.query_definitions where query = %s", query)
    return bool(one(shop, FORGE, query, key, revision, 1_000_000, started))


def test_nobody_can_put_in_what_others_get(shop: Connection) -> None:
    """Callers may run _keep_own_answer: it keeps for themselves only, and nothing shared."""
    become(shop, "authenticated", user_id="mallory")
    assert [forge(shop, query, "infinity") for query in QUERIES] == [False, False, True]
    for query in QUERIES:
        with raises(shop, "42501"):
            shop.execute(
                "select dbkit._keep_answer(%s, sha256(''), 'organization', '', '', "
                "gen_random_uuid(), '\"forged\"', 1000000, null, clock_timestamp())",
                [query],
            )
    become(shop, "authenticated", user_id="ada")
    for query in QUERIES:
        assert ask(shop, query)["data"] != "forged"
    with raises(shop, "42501"):
        shop.execute("select * from dbkit.query_cache")


def test_what_callers_keep_gets_no_older_than_the_time_to_live(shop: Connection) -> None:
    """Or they could fill the cache with what is never pruned."""
    freeze_clock(shop, "2026-11-21 12:00:00+00")
    become(shop, "authenticated", user_id="mallory")
    for started in ("infinity", "2030-01-01"):
        forge(shop, "count", started)
    unbecome(shop)
    assert str(one(shop, "select max(expires_at) from dbkit.query_cache"))[:16] == (
        "2026-11-21 12:05"
    )
    become(shop, "authenticated", user_id="mallory")
    key = "select dbkit._keep_own_answer('count', %s, gen_random_uuid(), '1', 1, null, now())"
    assert not one(shop, key, b"x" * 10_000), "no hash of parameters"


def test_the_required_role_is_asked_before_a_cached_answer_is_given(shop: Connection) -> None:
    become(shop, "authenticated", user_id="ada")
    ask(shop, "shared")
    become(shop, "anon", user_id="ada")
    with raises(shop, "KD003"):
        ask(shop, "shared")


# --- time and positions ----------------------------------------------------------------------


def test_no_answer_gets_older_than_its_time_to_live(shop: Connection) -> None:
    become(shop, "authenticated", user_id="ada")
    freeze_clock(shop, "2026-11-21 12:00:00+00")
    first = ask(shop, "count")
    assert first["computed_at"] == "2026-11-21T12:00:00+00:00"
    freeze_clock(shop, "2026-11-21 12:04:59+00")
    assert ask(shop, "count")["cached"]
    freeze_clock(shop, "2026-11-21 12:05:00+00")
    assert not ask(shop, "count")["cached"]


def test_a_clock_that_goes_back_makes_no_answer_live_longer(shop: Connection) -> None:
    become(shop, "authenticated", user_id="ada")
    freeze_clock(shop, "2026-11-21 12:00:00+00")
    ask(shop, "count")
    freeze_clock(shop, "2026-11-21 11:00:00+00")
    assert not ask(shop, "count")["cached"]
    assert ask(shop, "count")["cached"]


def test_nobody_takes_an_older_snapshot_for_a_newer_position(shop_url: str) -> None:
    """Callers may run _find_answer in any isolation level: it would keep a stale answer for all."""
    find = "select answer from dbkit._find_answer('shared', '{}', null)"
    for level in ("repeatable read", "serializable"):
        with connect(shop_url) as conn:
            conn.execute(f"set transaction isolation level {level}".encode())
            with raises(conn, "KD507"):
                conn.execute(find)


def test_a_time_to_live_of_0_keeps_nothing(shop: Connection) -> None:
    shop.execute("select dbkit.register_query('count', 'shop.count', '{Added}', 0)")
    become(shop, "authenticated", user_id="ada")
    ask(shop, "count")
    assert not ask(shop, "count")["cached"]


def test_min_position_gives_what_was_appended_up_to_there(open_shop: Connection) -> None:
    first = ask(open_shop, "count")
    mine = add(open_shop, event_type="Unrelated")
    kept = ask(open_shop, "count", min_position=mine)
    assert kept["cached"], "nothing that it depends on has changed since"
    assert kept["position"] >= mine > first["position"]
    mine = add(open_shop)
    anew = ask(open_shop, "count", min_position=mine)
    assert (anew["data"]["count"], anew["position"]) == (1, mine)
    with raises(open_shop, "KD608") as caught:
        ask(open_shop, "count", min_position=mine + 1)
    assert caught.detail["min_position"] == mine + 1


def test_a_position_is_reached_though_an_older_append_is_open(
    shop_url: str, open_shop: Connection
) -> None:
    with connect(shop_url) as other:
        before = add(other, "other")
        mine = add(open_shop)
        assert mine > before
        answer = ask(open_shop, "count", min_position=mine)
        assert (answer["data"]["count"], answer["position"]) == (1, mine)
        with raises(open_shop, "KD608"):
            ask(open_shop, "count", min_position=before)
        other.commit()
    assert ask(open_shop, "count", min_position=before)["data"]["count"] == 2


def test_a_position_of_an_answer_can_be_asked_for(shop_url: str, open_shop: Connection) -> None:
    with connect(shop_url) as other:
        add(other, "other")
        other.rollback()
    answer = ask(open_shop, "count")
    assert (
        ask(open_shop, "shared", min_position=answer["position"])["position"]
        == (answer["position"])
    )


def test_an_event_below_an_answers_position_cannot_come_later(
    shop_url: str, open_shop: Connection
) -> None:
    """An append that is open while the answer is computed counts when it commits."""
    with connect(shop_url) as other:
        add(other, "late")
        add(open_shop, "early")
        assert ask(open_shop, "count")["data"]["count"] == 1
        other.commit()
    assert ask(open_shop, "count")["data"]["count"] == 2


# --- transactions ----------------------------------------------------------------------------


def test_a_transaction_gets_its_own_events_and_others_do_not(
    shop_url: str, open_shop: Connection
) -> None:
    ask(open_shop, "shared")
    with connect(shop_url, autocommit=True) as other:
        with open_shop.transaction():
            add(open_shop)
            assert ask(open_shop, "shared")["data"]["count"] == 1
            assert ask(other, "shared")["data"]["count"] == 0
        assert ask(other, "shared")["data"]["count"] == 1


def test_what_is_rolled_back_is_in_no_answer(open_shop: Connection) -> None:
    with open_shop.transaction(force_rollback=True):
        add(open_shop)
        assert ask(open_shop, "shared")["data"]["count"] == 1
    assert ask(open_shop, "shared")["data"]["count"] == 0
    with open_shop.transaction():
        with open_shop.transaction(force_rollback=True):
            add(open_shop)
            ask(open_shop, "shared")
        assert ask(open_shop, "shared")["data"]["count"] == 0
    assert ask(open_shop, "shared")["data"]["count"] == 0


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_other_isolation_levels_only_compute(open_shop: Connection, level: str) -> None:
    mine = add(open_shop)
    ask(open_shop, "count")
    with open_shop.transaction():
        open_shop.execute(f"set transaction isolation level {level}".encode())
        answer = ask(open_shop, "count", min_position=mine)
        assert (answer["cached"], answer["data"]["count"]) == (False, 1)
        with raises(open_shop, "KD608"):
            ask(open_shop, "count", min_position=mine + 1)
        assert ask(open_shop, "count")["position"] is None


def test_a_read_only_transaction_reads_and_keeps_nothing(open_shop: Connection) -> None:
    with open_shop.transaction():
        open_shop.execute("set transaction read only")
        for query in ("count", "shared"):
            assert not ask(open_shop, query)["cached"]
            assert not ask(open_shop, query)["cached"]
    first = [ask(open_shop, query) for query in ("count", "shared")]
    with open_shop.transaction():
        open_shop.execute("set transaction read only")
        for query, answer in zip(("count", "shared"), first, strict=True):
            # Hits are counted by chance: often enough to meet one.
            assert all(ask(open_shop, query) == {**answer, "cached": True} for _ in range(300))


def test_nobody_waits_for_an_open_transaction_that_keeps_an_answer(
    shop_url: str, open_shop: Connection
) -> None:
    with connect(shop_url) as other:
        ask(other, "shared")
        open_shop.execute("set lock_timeout = '100ms'")
        assert not ask(open_shop, "shared")["cached"]
        assert not ask(open_shop, "shared")["cached"]
        other.commit()
    assert ask(open_shop, "shared")["cached"]


def test_many_at_once_keep_one_answer(shop_url: str) -> None:
    def asker(n: int) -> Json:
        with connect(shop_url, autocommit=True) as conn:
            become(conn, "authenticated", user_id=f"u{n}") if n < 0 else None
            return ask(conn, "shared")

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(asker, range(24)))
    assert {answer["data"]["count"] for answer in answers} == {0}
    with connect(shop_url) as conn:
        assert one(conn, "select count(*) from dbkit.query_cache") == 1


# --- projections -----------------------------------------------------------------------------

TOTALS = """
create function shop.total(p_state jsonb, p_event dbkit.event_store) returns jsonb
language plpgsql immutable as $$
begin return jsonb_build_object('n', coalesce((p_state ->> 'n')::int, 0) + 1); end $$;
create function shop.total_2(p_state jsonb, p_event dbkit.event_store) returns jsonb
language plpgsql immutable as $$
begin return jsonb_build_object('n', coalesce((p_state ->> 'n')::int, 0) + 100); end $$;
create function shop.read_total(p_params jsonb) returns jsonb
language plpgsql stable as $$
begin return coalesce(dbkit.get_projection('totals', 'c'), '{"n": 0}'); end $$;
grant execute on all functions in schema shop to authenticated, service_role, super_admin;
select dbkit.register_projection('totals', 'shop.total', '{Added}', 'async');
select dbkit.register_query('total', 'shop.read_total', p_projections => '{totals}');
"""


def run_projection(url: str) -> None:
    with connect(url, autocommit=True) as conn:
        conn.execute("select dbkit.run_projection('totals')")


def test_an_answer_is_as_old_as_the_projection_it_reads(
    shop_url: str, open_shop: Connection
) -> None:
    with connect(shop_url) as conn:
        conn.execute(TOTALS.encode())
    ask(open_shop, "total")
    mine = add(open_shop)
    assert ask(open_shop, "total")["data"] == {"n": 0}, "the projection has not run yet"
    with raises(open_shop, "KD608"):
        ask(open_shop, "total", min_position=mine)
    run_projection(shop_url)
    assert ask(open_shop, "total", min_position=mine)["data"] == {"n": 1}
    assert ask(open_shop, "total")["cached"]
    unrelated = add(open_shop, event_type="Unrelated")
    assert ask(open_shop, "total", min_position=unrelated)["cached"]


def test_another_generation_of_a_projection_is_another_answer(
    shop_url: str, open_shop: Connection
) -> None:
    with connect(shop_url) as conn:
        conn.execute(TOTALS.encode())
    add(open_shop)
    run_projection(shop_url)
    assert ask(open_shop, "total")["data"] == {"n": 1}
    assert ask(open_shop, "total")["cached"]
    with connect(shop_url, autocommit=True) as conn:
        conn.execute("select dbkit.register_projection('totals', 'shop.total_2', '{Added}')")
        while one(conn, "select dbkit.rebuild_projection('totals')")["phase"] != "swapped":
            pass
    assert ask(open_shop, "total")["data"] == {"n": 100}


def test_a_projection_that_appends_write_needs_no_run(shop_url: str, open_shop: Connection) -> None:
    with connect(shop_url) as conn:
        conn.execute(TOTALS.replace("'async'", "'inline'").encode())
    ask(open_shop, "total")
    mine = add(open_shop)
    assert ask(open_shop, "total", min_position=mine)["data"] == {"n": 1}
    assert ask(open_shop, "total")["cached"]


# --- refusals and plans ----------------------------------------------------------------------


def test_refuses(shop: Connection) -> None:
    with raises(shop, "KD606"):
        ask(shop, "nothing")
    shop.execute(
        "select dbkit.register_query('count', 'shop.count', '{Added}', p_params_schema => "
        """'{"type": "object", "additionalProperties": false}')"""
    )
    with raises(shop, "KD607") as caught:
        ask(shop, "count", {"cart": "c"})
    assert caught.detail["field"] == "cart"
    with raises(shop, "KD607"):
        ask(shop, "shared", {"cart": "x" * 70_000})


def test_what_a_handler_raises_is_raised_and_nothing_is_kept(shop: Connection) -> None:
    shop.execute(
        """create function shop.broken(p_params jsonb) returns jsonb language plpgsql stable as $$
        begin return to_jsonb(1 / 0); end $$;
        select dbkit.register_query('broken', 'shop.broken', '{Added}',
          p_required_role => 'postgres')"""
    )
    with raises(shop, "22012"):
        ask(shop, "broken")
    assert one(shop, "select count(*) from dbkit.query_cache") == 0


def test_a_large_answer_is_given_and_not_kept(shop: Connection) -> None:
    shop.execute(
        """create function shop.large(p_params jsonb) returns jsonb language sql stable as $$
        select to_jsonb(array_agg(md5(n::text))) from generate_series(1, 40000) as n $$;
        select dbkit.register_query('large', 'shop.large', '{Added}',
          p_required_role => 'postgres')"""
    )
    assert len(ask(shop, "large")["data"]) == 40_000
    assert not ask(shop, "large")["cached"]


def test_a_hit_costs_the_same_with_many_answers_and_events(open_shop: Connection) -> None:
    """The plan is made when the cache is empty, and must look up one entry by its whole key."""

    def pages() -> int:
        open_shop.execute("begin")
        open_shop.execute("reset role")
        found = rows(
            open_shop,
            "explain (analyze, buffers, format json) select dbkit.execute_query('count', '{}')",
        )
        open_shop.execute("rollback")
        plan = found[0]["QUERY PLAN"][0]["Plan"]
        return int(plan["Shared Hit Blocks"]) + int(plan["Shared Read Blocks"])

    open_shop.execute("reset role")
    # Or the planner takes a new table to have ten pages.
    open_shop.execute("vacuum (analyze) dbkit.query_cache")
    ask(open_shop, "count")
    for n in range(60):
        ask(open_shop, "count", {"n": n})
    pages()
    before = pages()
    open_shop.execute(
        "insert into dbkit.query_cache select organization_id, query, sha256(n::text::bytea), "
        "caller_role, user_id, revision, data, position, generations, computed_at, expires_at, "
        "duration_ms, computations, hits from (select * from dbkit.query_cache limit 1) as c, "
        "generate_series(1, 5000) as n"
    )
    open_shop.execute(
        "select dbkit.append_event('cart', 'c' || n, 'Unrelated', '{}') "
        "from generate_series(1, 3000) as n"
    )
    pages()
    assert ask(open_shop, "count")["cached"]
    assert pages() <= before + 6, "an index may have grown by a level"


def test_a_command_and_a_query_work_with_the_same_position(open_shop: Connection) -> None:
    done = execute(open_shop, "add")
    assert ask(open_shop, "cart", {"cart": "c"}, done["position"])["data"]["count"] == 1
