"""dbkit.get_commands."""

from tests.cqrs.parts import execute
from tests.helpers import Connection, become, freeze_clock, raises, rows

GET = "select * from dbkit.get_commands(%s, %s, %s, %s, %s)"


def test_pages_from_the_newest_on(shop: Connection) -> None:
    become(shop, "service_role")
    for n in range(5):
        freeze_clock(shop, f"2026-11-21 12:00:0{n}+00")
        execute(shop, "echo", {"say": n})
    first = rows(shop, GET, None, None, None, None, 3)
    second = rows(shop, GET, None, None, None, first[-1]["command_id"], 3)
    assert [r["response"] for r in first + second] == [4, 3, 2, 1, 0]


def test_filters(shop: Connection) -> None:
    become(shop, "service_role", organization_id="acme")
    execute(shop, "add", {"cart": "c", "refuse": "KD605"})
    execute(shop, "add")
    execute(shop, "echo", {})
    become(shop, "service_role")
    assert rows(shop, GET, None, None, None, None, 10) == []
    assert len(rows(shop, GET, None, None, "acme", None, 10)) == 3
    (refused,) = rows(shop, GET, "add", "rejected", "acme", None, 10)
    assert refused["rejection"]["sqlstate"] == "KD605"
    assert [r["command"] for r in rows(shop, GET, "echo", "done", "acme", None, 10)] == ["echo"]


def test_uses_the_key_of_the_log(shop: Connection) -> None:
    shop.execute(
        "insert into dbkit.command_log select 'default', dbkit._new_command_id(), 'x', 'done', "
        "null, null, null, null, 0, null, 'postgres', null, null, null, null, 1, clock_timestamp() "
        "from generate_series(1, 3000)"
    )
    shop.execute("analyze dbkit.command_log")
    plan = rows(
        shop,
        "explain select * from dbkit.command_log l where l.organization_id = 'default' "
        "order by l.command_id desc limit 100",
    )
    assert "Index Scan Backward using command_log_pkey" in str(plan)


def test_needs_service_role(shop: Connection) -> None:
    become(shop, "authenticated")
    with raises(shop, "42501"):
        rows(shop, GET, None, None, None, None, 1)
    with raises(shop, "42501"):
        rows(shop, "select * from dbkit.command_log")


def test_limits_the_page(shop: Connection) -> None:
    for limit in (0, 10_001):
        with raises(shop, "KD004"):
            rows(shop, GET, None, None, None, None, limit)
