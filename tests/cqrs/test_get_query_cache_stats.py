"""dbkit.get_query_cache_stats."""

from tests.cqrs.parts import ask
from tests.helpers import Connection, become, one, raises, row


def test_says_what_is_cached_and_what_it_was_worth(shop: Connection) -> None:
    ask(shop, "shared", {"n": 1})
    ask(shop, "shared", {"n": 2})
    become(shop, "service_role")
    found = row(shop, "select * from dbkit.get_query_cache_stats() where query = 'shared'")
    assert (found["entries"], found["organizations"], found["computations"]) == (2, 1, 2)
    assert found["bytes"] > 0
    assert 0 <= found["average_ms"] <= found["slowest_ms"]
    empty = row(shop, "select * from dbkit.get_query_cache_stats() where query = 'cart'")
    assert (empty["entries"], empty["average_ms"]) == (0, None)


def test_counts_about_one_hit_of_100_for_100(shop: Connection) -> None:
    shop.execute("select setseed(0.5)")
    ask(shop, "shared")
    shop.execute("select dbkit.execute_query('shared') from generate_series(1, 10000)")
    hits = one(shop, "select hits from dbkit.get_query_cache_stats() where query = 'shared'")
    assert 7_000 < hits < 13_000
    assert hits % 100 == 0


def test_needs_service_role(shop: Connection) -> None:
    become(shop, "authenticated")
    with raises(shop, "42501"):
        shop.execute("select * from dbkit.get_query_cache_stats()")
