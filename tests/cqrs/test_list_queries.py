"""dbkit.list_queries."""

from tests.helpers import Connection, become, rows


def test_lists_them_by_name_for_everybody(shop: Connection) -> None:
    become(shop, "anon")
    found = rows(shop, "select * from dbkit.list_queries()")
    assert [(f["query"], f["vary"], f["event_types"], f["stream_type"]) for f in found] == [
        ("by_role", "role", ["Added"], None),
        ("cart", "user", [], "cart"),
        ("count", "user", ["Added"], None),
        ("shared", "organization", ["Added"], None),
    ]
