"""dbkit.unregister_command."""

from tests.cqrs.parts import execute, logged
from tests.helpers import Connection, become, one, raises


def test_takes_it_away_and_keeps_the_log(shop: Connection) -> None:
    execute(shop, "add")
    assert one(shop, "select dbkit.unregister_command('add')") is True
    with raises(shop, "KD601"):
        execute(shop, "add")
    assert logged(shop) == 1
    assert execute(shop, "echo", {"say": 1})["response"] == 1


def test_says_when_there_was_none(shop: Connection) -> None:
    assert one(shop, "select dbkit.unregister_command('nothing')") is False


def test_needs_super_admin(shop: Connection) -> None:
    become(shop, "service_role")
    with raises(shop, "42501"):
        shop.execute("select dbkit.unregister_command('add')")
