"""dbkit.flush_query_cache."""

from tests.cqrs.parts import ask
from tests.helpers import Connection, become, connect, one, raises


def test_drops_the_answers_of_one_or_of_all(open_shop: Connection) -> None:
    for query in ("shared", "by_role"):
        ask(open_shop, query)
    open_shop.execute("set role service_role")
    assert one(open_shop, "select dbkit.flush_query_cache('shared')") == 1
    open_shop.execute("set role authenticated")
    assert not ask(open_shop, "shared")["cached"]
    assert ask(open_shop, "by_role")["cached"]
    open_shop.execute("set role service_role")
    assert one(open_shop, "select dbkit.flush_query_cache()") == 2
    open_shop.execute("set role authenticated")
    assert not ask(open_shop, "by_role")["cached"]


def test_what_was_being_computed_meanwhile_is_not_used(
    shop_url: str, open_shop: Connection
) -> None:
    """It is stored after the flush, by a transaction that began before."""
    with connect(shop_url) as other:
        other.execute("select dbkit.safe_position()")
        before = ask(other, "shared")
        with connect(shop_url, autocommit=True) as admin:
            admin.execute("select dbkit.flush_query_cache('shared')")
        other.commit()
    assert ask(open_shop, "shared")["data"]["nonce"] != before["data"]["nonce"]


def test_refuses(shop: Connection) -> None:
    with raises(shop, "KD606"):
        shop.execute("select dbkit.flush_query_cache('nothing')")
    become(shop, "authenticated")
    with raises(shop, "42501"):
        shop.execute("select dbkit.flush_query_cache()")
