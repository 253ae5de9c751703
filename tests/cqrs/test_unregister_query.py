"""dbkit.unregister_query."""

from tests.cqrs.parts import ask
from tests.helpers import Connection, become, one, raises


def test_takes_it_and_its_answers_away(shop: Connection) -> None:
    ask(shop, "shared")
    assert one(shop, "select count(*) from dbkit.query_cache") == 1
    assert one(shop, "select dbkit.unregister_query('shared')") is True
    assert one(shop, "select count(*) from dbkit.query_cache") == 0
    with raises(shop, "KD606"):
        ask(shop, "shared")


def test_says_when_there_was_none(shop: Connection) -> None:
    assert one(shop, "select dbkit.unregister_query('nothing')") is False


def test_needs_super_admin(shop: Connection) -> None:
    become(shop, "service_role")
    with raises(shop, "42501"):
        shop.execute("select dbkit.unregister_query('count')")
