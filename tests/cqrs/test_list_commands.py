"""dbkit.list_commands."""

from tests.helpers import Connection, become, rows


def test_lists_them_by_name_for_everybody(shop: Connection) -> None:
    become(shop, "anon")
    found = rows(shop, "select * from dbkit.list_commands()")
    assert [(f["command"], f["handler_signature"], f["required_role"]) for f in found] == [
        ("add", "shop.add(jsonb,bigint)", "authenticated"),
        ("echo", "shop.echo(jsonb)", None),
        ("outside", None, "authenticated"),
    ]
