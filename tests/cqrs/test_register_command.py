"""dbkit.register_command."""

import json

import pytest

from tests.cqrs.parts import execute
from tests.helpers import Connection, become, raises, row, rows

REGISTER = "select dbkit.register_command(%s, %s, %s, %s, %s, %s)"


def register(
    conn: Connection,
    name: str | None = "x",
    handler: str | None = "shop.echo",
    schema: object = None,
    role: str | None = "authenticated",
    rejections: list[str] | None = None,
) -> None:
    conn.execute(
        REGISTER,
        [name, handler, json.dumps(schema or {"type": "object"}), role, rejections, "does"],
    )


def test_keeps_the_full_signature(shop: Connection) -> None:
    register(shop, "one", "shop.echo")
    register(shop, "two", "shop.add(jsonb, bigint)")
    register(shop, "three", "shop.add", rejections=["KD501", "23514", "KD501"])
    found = rows(
        shop, "select * from dbkit.command_definitions where description = 'does' order by 1"
    )
    assert [(f["command"], f["handler_signature"], f["rejections"]) for f in found] == [
        ("one", "shop.echo(jsonb)", []),
        ("three", "shop.add(jsonb,bigint)", ["23514", "KD501"]),
        ("two", "shop.add(jsonb,bigint)", []),
    ]


def test_changes_what_is_registered(shop: Connection) -> None:
    register(shop, "add", "shop.echo", {"type": "object", "required": ["say"]})
    with raises(shop, "KD602"):
        execute(shop, "add")
    assert execute(shop, "add", {"say": 1})["response"] == 1


@pytest.mark.parametrize("name", [None, "", "Upper", "with space", "1st", "x" * 64])
def test_refuses_names(shop: Connection, name: str | None) -> None:
    with raises(shop, "KD604"):
        register(shop, name)


@pytest.mark.parametrize(
    "handler",
    [
        "shop.nothing",
        "shop.count(text)",
        "shop.echo(",
        "",
        "; drop",
        "pg_catalog.now",
        "pg_temp.mine",
    ],
)
def test_refuses_handlers(shop: Connection, handler: str) -> None:
    shop.execute(
        "create function pg_temp.mine(p jsonb) returns jsonb language sql as $$ select p $$"
    )
    with raises(shop, "KD604"):
        register(shop, handler=handler)


def test_refuses_a_handler_that_its_role_may_not_execute(shop: Connection) -> None:
    shop.execute("revoke execute on function shop.echo(jsonb) from anon")
    with raises(shop, "KD604") as caught:
        register(shop, role=None)
    assert "anon" in caught.message
    register(shop, role="authenticated")


def test_refuses_unknown_roles_and_bad_schemas(shop: Connection) -> None:
    with raises(shop, "KD604"):
        register(shop, role="nobody_has_it")
    with raises(shop, "KD604") as caught:
        register(shop, schema={"oneOf": []})
    assert "oneOf" in caught.message


@pytest.mark.parametrize("sqlstate", ["40001", "40P01", "00000", "57014", "53200", "kd605", "KD60"])
def test_refuses_rejections_that_only_mean_try_again(shop: Connection, sqlstate: str) -> None:
    with raises(shop, "KD604"):
        register(shop, rejections=[sqlstate])


def test_names_with_quotes_do_not_become_code(shop: Connection) -> None:
    shop.execute(
        """create schema "o'dd $$";
        create function "o'dd $$"."f""x"(p jsonb) returns jsonb language sql as $$ select p $$;
        grant usage on schema "o'dd $$" to authenticated;
        grant execute on all functions in schema "o'dd $$" to authenticated;"""
    )
    register(shop, "odd", '"o\'dd $$"."f""x"', {"const": {"a": "'; select 1; --$$"}})
    assert execute(shop, "odd", {"a": "'; select 1; --$$"})["status"] == "done"


def test_needs_super_admin_and_read_committed(shop: Connection) -> None:
    become(shop, "service_role")
    with raises(shop, "42501"):
        register(shop)


def test_says_who_and_when(shop: Connection) -> None:
    found = row(shop, "select * from dbkit.command_definitions where command = 'add'")
    assert (found["registered_by"], found["required_role"]) == ("postgres", "authenticated")
