"""dbkit.prune_query_cache: what is too old, and what is too much."""

from tests.cqrs.parts import ask
from tests.helpers import Connection, become, freeze_clock, one, raises, rows


def test_deletes_what_is_too_old(shop: Connection) -> None:
    freeze_clock(shop, "2026-11-21 12:00:00+00")
    ask(shop, "shared")
    freeze_clock(shop, "2026-11-21 12:04:00+00")
    ask(shop, "by_role")
    become(shop, "service_role")
    assert one(shop, "select dbkit.prune_query_cache()") == 0
    freeze_clock(shop, "2026-11-21 12:05:00+00")
    assert one(shop, "select dbkit.prune_query_cache()") == 1
    shop.execute("reset role")
    assert rows(shop, "select query from dbkit.query_cache") == [{"query": "by_role"}]


def test_keeps_the_newest_of_an_organization(shop: Connection) -> None:
    shop.execute(
        "select dbkit.register_query('shared', 'shop.shared', '{Added}', p_vary => 'organization', "
        "p_max_entries => 3)"
    )
    for n in range(6):
        freeze_clock(shop, f"2026-11-21 12:00:0{n}+00")
        ask(shop, "shared", {"n": n})
    become(shop, "authenticated", organization_id="acme")
    ask(shop, "shared", {"n": 0})
    shop.execute("reset role")
    shop.execute("select dbkit.set_request_context('{}')")
    # One of 100 answers that are kept tidies up by itself.
    assert one(shop, "select dbkit.prune_query_cache()") <= 3
    assert one(shop, "select count(*) from dbkit.query_cache where organization_id = 'acme'") == 1
    assert [ask(shop, "shared", {"n": n})["cached"] for n in (5, 4, 3)] == [True] * 3
    assert not ask(shop, "shared", {"n": 2})["cached"]


def test_a_flood_of_parameters_is_bounded_without_it(shop: Connection) -> None:
    shop.execute(
        "select dbkit.register_query('shared', 'shop.shared', '{Added}', p_vary => 'organization', "
        "p_max_entries => 50)"
    )
    shop.execute("select setseed(0.5)")
    shop.execute(
        "select dbkit.execute_query('shared', jsonb_build_object('n', n)) "
        "from generate_series(1, 3000) as n"
    )
    assert one(shop, "select count(*) from dbkit.query_cache") < 1000


def test_is_a_task_of_the_workers(shop: Connection) -> None:
    done = one(shop, "select dbkit.run_worker_task('prune_query_cache')")
    assert (done["ran"], done["error"]) == (True, None)


def test_refuses(shop: Connection) -> None:
    with raises(shop, "KD004"):
        shop.execute("select dbkit.prune_query_cache(0)")
    become(shop, "authenticated")
    with raises(shop, "42501"):
        shop.execute("select dbkit.prune_query_cache()")
