"""The demo: nobody fails while the version is switched, and it would tell if somebody did."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from rich.console import Console

from dbkit import demo
from dbkit.demo_data import load_restaurant, menu_size, restaurant
from dbkit.demo_stage import Stage
from dbkit.server import Server
from dbkit.settings import settings
from tests.cli.running import run
from tests.helpers import connect, one, rows

SILENT = Stage(None)
SHORT = 2.0


@pytest.fixture
def filled(database: str) -> Iterator[str]:
    """A database with the restaurant."""
    with psycopg.connect(database) as connection:
        load_restaurant(connection, lambda: None)
    yield database


def break_menu(url: str, body: str) -> None:
    """Replace the handler of get_menu_items v1."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "create or replace function dbkit.rpc_v1_get_menu_items(p_payload jsonb) "
            f"returns jsonb language plpgsql stable as $$ begin {body} end $$".encode()
        )


# --- the whole command -----------------------------------------------------------------------


@pytest.fixture
def no_url(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    settings.cache_clear()
    yield
    settings.cache_clear()


def test_on_a_server_of_its_own(no_url: None) -> None:
    result = run("demo", "--seconds", str(SHORT))
    assert result.exit_code == 0, result.stdout
    lines = result.stdout.splitlines()
    assert lines[0].startswith("server: temporary ")
    assert "restaurant: 3 stores" in result.stdout
    assert [line for line in lines if "the operator switches v2 -> v3" in line]
    assert "failures  0, while the version was switched 3 times" in lines
    assert "\x1b" not in result.stdout


def test_on_a_named_server_as_json(server: Server) -> None:
    result = run("demo", "--seconds", str(SHORT), "--json", url=server.url)
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    assert found["failures"] == 0
    assert found["errors"] == []
    assert found["calls"] == sum(found["versions"].values()) > 100
    assert set(found["versions"]) == {"v1", "v2", "v3"}
    served = {(line["app_version"], line["api_version"]) for line in found["clients"]}
    assert served == {("1.0.3", "v1"), ("1.2.0", "v2"), ("1.4.2", "v2"), ("1.4.2", "v3")}
    assert set(found["orders"]) == {"v1", "v2", "v3"}
    assert [(s["previous_version"], s["current_version"]) for s in found["switches"]] == [
        ("v2", "v3"),
        ("v3", "v2"),
        ("v2", "v3"),
    ]
    assert [s["by"] for s in found["switches"]] == ["super_admin"] * 3
    with connect(server.url) as conn:
        left = "select count(*) from pg_database where datname like 'dbkit\\_demo\\_%%'"
        assert one(conn, left) == 0


def test_a_broken_handler_is_told(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the same command must fail when calls fail."""

    def load_and_break(connection: Any, advance: Any) -> dict[str, int]:
        counts = load_restaurant(connection, advance)
        connection.commit()
        # A URL that has the password, which the connection does not tell.
        url = server.url.rsplit("/", 1)[0] + "/" + connection.info.dbname
        break_menu(url, "raise exception 'the oven is out';")
        return counts

    monkeypatch.setattr(demo, "load_restaurant", load_and_break)
    result = run("demo", "--seconds", "1", "--json", url=server.url)
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert found["failures"] > 0
    assert any("app 1.0.3: " in text and "the oven is out" in text for text in found["errors"])
    # The other apps do not use that handler.
    assert all("app 1.0.3: " in text for text in found["errors"])


# --- the story -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("return '{}';", "get_menu_items v1: data is no array"),
        ('return \'[{"id": 1, "name": "x", "price": 1}]\';', "data[] has no category"),
    ],
)
def test_an_answer_of_another_shape_is_a_failure(body: str, told: str, filled: str) -> None:
    break_menu(filled, body)
    summary = demo.play(SILENT, filled, seconds=1, workers=1)
    assert summary.failures > 0
    assert any(told in text for text in summary.errors)


def test_orders_are_counted_against_the_tables(filled: str) -> None:
    # An order that nobody was told of, as if a client had timed out.
    with psycopg.connect(filled) as connection:
        connection.execute(
            "select dbkit.route_api_call('place_order', jsonb_build_object('store_id', s.id, "
            "'item_id', i.id, 'quantity', 1, 'customer_name', 'x', 'customer_phone', '123'), 'v1') "
            "from dbkit.stores s join dbkit.menu_items i on i.store_id = s.id and i.is_available "
            "limit 1"
        )
    summary = demo.play(SILENT, filled, seconds=1, workers=1)
    assert summary.failures == 1
    assert re.fullmatch(r"1 × v1: \d+ orders were confirmed, \d+ are there", summary.errors[0])


def test_on_a_terminal_it_is_live(filled: str) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=120, highlight=False)
    stage = Stage(console)
    with stage.working("something"), stage.counting("items", 2) as advance:
        advance()
    summary = demo.play(stage, filled, seconds=1, workers=1)
    stage.result(summary)
    shown = screen.getvalue()
    assert "active version" in shown
    assert "What each app was served" in shown
    assert "Audit trail" in shown
    assert "failures  0" in shown


def test_an_operator_who_is_refused_ends_the_story(filled: str) -> None:
    with connect(filled) as conn:
        conn.execute("revoke execute on function dbkit.switch_api_version from super_admin")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        demo.play(SILENT, filled, seconds=1, workers=1)


# --- the restaurant --------------------------------------------------------------------------


def test_the_restaurant_is_a_real_one(filled: str) -> None:
    with connect(filled) as conn:
        assert one(conn, "select count(*) from stores") >= 2
        assert one(conn, "select count(distinct name) from menu_categories") >= 5
        assert one(conn, "select count(distinct name) from menu_items") >= 40
        assert one(conn, "select count(*) from menu_items") == menu_size()
        assert one(conn, "select count(*) from customers") >= 5
        staff = rows(conn, "select distinct role from user_profiles order by role")
        assert [line["role"] for line in staff] == ["manager", "staff", "super_admin"]
        deepest = one(conn, "select max(level) from menu_item_customizations")
        assert deepest == 3
        linked = (
            "select count(*) from menu_item_customizations where ingredient_template_id is not null"
        )
        assert one(conn, linked) > 50
        sold_out = "select count(*) from menu_items where not is_available"
        assert one(conn, sold_out) > 0


def test_every_item_can_be_ordered_as_it_is(filled: str) -> None:
    """The choices' defaults fit their groups, or v1 could not order."""
    with psycopg.connect(filled) as connection:
        connection.execute(
            "select dbkit.route_api_call('place_order', jsonb_build_object('store_id', store_id, "
            "'item_id', id, 'quantity', 1, 'customer_name', 'x', 'customer_phone', '123'), 'v1') "
            "from dbkit.menu_items where is_available"
        )


def test_every_group_that_an_item_names_is_there() -> None:
    data = restaurant()
    named = {group for category in data["categories"] for group in category["groups"]}
    assert named <= set(data["groups"])
    sold = {name for store in data["stores"] for name in store["categories"]}
    assert sold == {category["name"] for category in data["categories"]}


# --- small parts -----------------------------------------------------------------------------

MENU = {
    "type": "object",
    "required": ["items"],
    "properties": {
        "items": {
            "type": "array",
            "items": {"type": "object", "required": ["id"], "properties": {"id": {}}},
        },
        "note": {"type": ["object", "null"], "required": ["text"]},
    },
}


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        ({"items": []}, None),
        ({"items": [{"id": 1}, {}, {"id": 3}]}, None),
        ({"items": [{"id": 1}], "note": None}, None),
        ({}, "data has no items"),
        ([], "data is no object"),
        ({"items": {}}, "data.items is no array"),
        ({"items": [{"id": 1}, {}]}, "data.items[] has no id"),
        ({"items": [{}]}, "data.items[] has no id"),
        ({"items": [], "note": {}}, "data.note has no text"),
    ],
)
def test_misfit(value: Any, wrong: str | None) -> None:
    assert demo.misfit(MENU, value, "data") == wrong


def test_misfit_without_a_schema() -> None:
    assert demo.misfit(None, {"any": "thing"}, "data") is None


def test_outline() -> None:
    value = {"id": 1, "tags": [], "items": [{"id": 2, "price": 3}, {"id": 4}]}
    assert demo.outline(value) == "{id, tags: [], items: [{id, price}, …]}"


def test_percentiles() -> None:
    assert demo._percentiles([]) == (0, 0)
    assert demo._percentiles([4.0]) == (4, 4)
    assert demo._percentiles([float(n) for n in range(101)]) == (50, 95)
