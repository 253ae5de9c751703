"""dbkit.get_command_stats."""

from tests.cqrs.parts import execute
from tests.helpers import Connection, become, freeze_clock, raises, rows


def test_counts_by_command(shop: Connection) -> None:
    freeze_clock(shop, "2026-11-20 12:00:00+00")
    execute(shop, "echo", {})
    freeze_clock(shop, "2026-11-21 12:00:00+00")
    execute(shop, "add")
    execute(shop, "add")
    execute(shop, "add", {"cart": "c", "refuse": "KD605"})
    become(shop, "service_role", organization_id="acme")
    execute(shop, "echo", {})
    found = rows(shop, "select * from dbkit.get_command_stats(23)")
    assert [(f["command"], f["done"], f["rejected"], f["events"]) for f in found] == [
        ("add", 2, 1, 2),
        ("echo", 1, 0, 0),
    ]
    assert found[0]["rejections"] == {"KD605": 1}
    assert 0 < found[0]["p50_ms"] <= found[0]["p95_ms"] <= found[0]["slowest_ms"]
    (echo,) = rows(shop, "select * from dbkit.get_command_stats(25, 'acme')")
    assert echo["done"] == 1
    assert sum(f["done"] for f in rows(shop, "select * from dbkit.get_command_stats(25)")) == 4


def test_refuses(shop: Connection) -> None:
    with raises(shop, "KD004"):
        rows(shop, "select * from dbkit.get_command_stats(0)")
    become(shop, "authenticated")
    with raises(shop, "42501"):
        rows(shop, "select * from dbkit.get_command_stats()")
