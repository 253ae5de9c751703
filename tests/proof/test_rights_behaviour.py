"""What the rights matrix means in use: a stranger gets nothing of anybody's order, by any function
that the stranger may execute, and changes nothing that is the operator's."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.helpers import Connection, become, notices, one, raises, rows, unbecome
from tests.orders.shop import Shop, build_shop, routed
from tests.proof import rights

SEED = 20261121
EXHAUSTIVE = 120
"""Functions with so many argument lists or fewer are called with every one of them."""
SAMPLE = 80
"""Argument lists tried of the others."""

STRANGERS: list[tuple[str, dict[str, str], dict[str, str]]] = [
    ("anon", {}, {}),
    ("anon", {"user_id": "alice", "client_id": "till-7", "organization_id": "smoke"}, {}),
    ("anon", {}, {"request.jwt.claims": '{"sub": "alice", "role": "super_admin"}'}),
    ("anon", {"client_id": "till-7"}, {"request.headers": '{"x-user-id": "alice"}'}),
    ("authenticated", {"user_id": "mallory", "client_id": "till-7"}, {}),
    ("authenticated", {"organization_id": "smoke", "client_id": "till-7"}, {}),
]
"""Role, what it says of itself, and settings that it makes."""


@dataclass
class Victims:
    """Orders of Alice, Bob and a guest, and the words that only they contain."""

    shop: Shop
    ids: list[int]
    marks: list[str]
    calls: list[int]
    """Every rpc_id, for the dispatcher."""
    own_token: str = ""
    """Of the stranger's own order: the right key to another door."""


@pytest.fixture
def victims(db: Connection) -> Victims:
    shop = build_shop(db)
    calls = [f["rpc_id"] for f in rows(db, "select rpc_id from dbkit.api_rpcs order by 1")]
    found = Victims(shop, [], [], calls)
    for person, role, user in [
        ("Alice", "authenticated", "alice"),
        ("Bob", "authenticated", "bob"),
        ("Guest", "anon", ""),
    ]:
        become(db, role, client_id="till-7", **({"user_id": user} if user else {}))
        phone = f"555-77-{len(found.ids)}-31337"
        contact = {"name": f"Marked {person}", "phone": phone}
        payload = shop.order(shop.line("soda"), idempotency_key="key-1") | {"customer": contact}
        made = routed(db, "place_order", "v3", payload)
        found.ids.append(made["order_id"])
        found.marks += [contact["name"], phone, *filter(None, [made["guest_token"]])]
    become(db, "anon")
    mine = routed(db, "place_order", "v3", shop.order(shop.line("soda")))
    found.own_token = mine["guest_token"]
    unbecome(db)
    return found


def values(kind: str, victims: Victims) -> list[Any]:
    """Hostile arguments of an SQL type."""
    order = victims.ids[0]
    payloads = [
        None,
        "{}",
        "null",
        "[]",
        *(json.dumps({"order_id": i}) for i in victims.ids),
        *(json.dumps({"order_id": i, "guest_token": victims.own_token}) for i in victims.ids),
        *(json.dumps({"order_id": i, "guest_token": None}) for i in victims.ids),
        json.dumps({"order_id": order, "guest_token": "' or true --"}),
        json.dumps({"order_id": order, "user_id": "alice", "role": "super_admin"}),
        json.dumps({"order_id": order, "status": "cancelled"}),
        json.dumps({"idempotency_key": "key-1"}),
        json.dumps({"store_id": victims.shop.stores["grill"], "user_id": "alice"}),
        json.dumps(victims.shop.order(victims.shop.line("soda"), idempotency_key="key-1")),
    ]
    known: dict[str, list[Any]] = {
        "bigint": [None, 0, -1, 2**63 - 1, *victims.ids],
        "integer": [None, 0, -1, 2**31 - 1, *victims.calls],
        "numeric": [None, 0, "NaN"],
        "boolean": [None, True],
        "timestamp with time zone": [None, "infinity"],
        "text": [
            *(None, "", "v1", "v3", "key-1", "alice", "till-7", "%", "cancelled", "orders"),
            *("get_order", "list_orders", "user_id", "us-east-1", "' or true --"),
            *(victims.own_token, str(order)),
        ],
        "text[]": [None, "{}", "{orders}"],
        "uuid": [None, "11111111-1111-4111-8111-111111111111"],
        "interval": [None, "1 day"],
        "date": [None, "2026-11-21"],
        "event_store": [None],
        "tstzmultirange": [None, "{(,)}"],
        "bytea": [None, b"", bytes(32)],
        "boolean[]": [None, "{}", "{t,f}"],
        "json": [None, "{}"],
        "json[]": [None, "{}"],
        "api_lists": [None],
        "jsonb": payloads,
    }
    return known[kind]


def executable(db: Connection, role: str) -> list[tuple[str, list[str]]]:
    """Every function that a role may execute, with the types of its arguments."""
    found = rows(
        db,
        "select proname, array(select format_type(t, null) from unnest(proargtypes) with ordinality"
        " as a (t, n) order by n) as types from pg_proc"
        " where pronamespace = 'dbkit'::regnamespace and has_function_privilege(%s, oid, 'execute')"
        " order by proname",
        role,
    )
    return [(f["proname"], list(f["types"])) for f in found]


def argument_lists(types: list[str], victims: Victims, chance: random.Random) -> list[list[Any]]:
    choices = [values(kind, victims) for kind in types]
    size = 1
    for choice in choices:
        size *= len(choice)
    if size <= EXHAUSTIVE:
        return [list(combination) for combination in itertools.product(*choices)]
    return [[chance.choice(choice) for choice in choices] for _ in range(SAMPLE)]


def answers(db: Connection, name: str, types: list[str], arguments: list[Any]) -> str:
    """All that comes back of one call, rows or error, as one text; nothing of it stays."""
    call = sql.SQL("select r::text as r from dbkit.{}({}) as r").format(
        sql.Identifier(name),
        sql.SQL(", ").join(sql.SQL("%s::" + kind) for kind in types),
    )
    said: list[str] = []
    try:
        with db.transaction(force_rollback=True):
            said += [str(f["r"]) for f in db.execute(call, arguments)]
    except psycopg.Error as error:
        said += [str(error), error.diag.message_detail or "", error.diag.message_hint or ""]
    return "\n".join(said)


def sweep(db: Connection, role: str, victims: Victims) -> Iterator[tuple[str, list[Any], str]]:
    chance = random.Random(SEED)
    for name, types in executable(db, role):
        for arguments in argument_lists(types, victims, chance):
            said = answers(db, name, types, arguments)
            if any(mark in said for mark in victims.marks):
                yield name, arguments, said


@pytest.mark.parametrize("stranger", STRANGERS, ids=lambda s: f"{s[0]} {[*s[1], *s[2]]}")
def test_no_function_gives_a_stranger_anything_of_an_order(
    db: Connection, victims: Victims, stranger: tuple[str, dict[str, str], dict[str, str]]
) -> None:
    role, context, settings = stranger
    become(db, role, **context)
    for name, value in settings.items():
        db.execute("select set_config(%s, %s, true)", [name, value])
    with notices(db) as heard:
        assert list(sweep(db, role, victims)) == []
    assert [h for h in heard for mark in victims.marks if mark in h] == []


def test_control_the_sweep_finds_what_its_owner_may_see(db: Connection, victims: Victims) -> None:
    become(db, "authenticated", user_id="alice")
    seen = {name for name, _, _ in sweep(db, "authenticated", victims)}
    assert {"_order_document", "rpc_v2_get_order", "rpc_v3_get_order"} <= seen


def test_control_the_sweep_finds_a_leaking_definer_function(
    db: Connection, victims: Victims
) -> None:
    db.execute(
        "create function dbkit.get_any_order(p_order_id bigint) returns jsonb language plpgsql"
        " stable security definer as $$ begin return dbkit._order_document(p_order_id); end $$;"
        " grant execute on function dbkit.get_any_order(bigint) to anon"
    )
    become(db, "anon")
    assert {name for name, _, _ in sweep(db, "anon", victims)} == {"get_any_order"}


@pytest.mark.parametrize(("role", "user"), [("anon", "alice"), ("authenticated", "mallory")])
def test_no_table_gives_a_stranger_anything_of_an_order(
    db: Connection, victims: Victims, role: str, user: str
) -> None:
    tables = rows(
        db,
        "select oid::regclass::text as name from pg_class"
        " where relnamespace = 'dbkit'::regnamespace and relkind in ('r', 'p')",
    )
    become(db, role, user_id=user)
    for table in tables:
        try:
            with db.transaction():
                found = rows(db, f"select t::text as t from {table['name']} as t")
        except psycopg.errors.InsufficientPrivilege:
            continue
        assert [f["t"] for f in found for mark in victims.marks if mark in f["t"]] == []


def test_a_leaky_condition_sees_no_hidden_row(db: Connection, victims: Victims) -> None:
    """The planner may not run a caller's cheap function before the policy."""
    db.execute(
        "create function pg_temp.tell(p_text text) returns boolean language plpgsql cost 0.0001 as"
        " $$ begin raise notice '%', p_text; return true; end $$;"
        " grant execute on function pg_temp.tell(text) to authenticated"
    )
    with notices(db) as heard:
        become(db, "authenticated", user_id="mallory")
        assert rows(db, "select id from dbkit.orders where pg_temp.tell(customer_name)") == []
        become(db, "authenticated", user_id="alice")
        assert len(rows(db, "select id from dbkit.orders where pg_temp.tell(customer_name)")) == 1
    assert heard == ["Marked Alice"]


def test_tables_put_in_front_change_no_answer(db: Connection, victims: Victims) -> None:
    """Definer functions look into dbkit, whatever the caller's search_path holds."""
    become(db, "anon")
    db.execute(
        "create temp table orders as"
        f" select {victims.ids[0]}::bigint as id, sha256('x') as guest_token_hash".encode()
    )
    db.execute("set local search_path = pg_temp, dbkit, pg_catalog")
    assert one(db, "select dbkit._guest_order_document(%s, 'x')", victims.ids[0]) is None
    with raises(db, "KD401"):
        one(db, "select dbkit._change_order_status(%s, 'cancelled', 'x')", victims.ids[0])


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_strangers_change_no_order(db: Connection, victims: Victims, role: str) -> None:
    before = rows(db, "select * from dbkit.orders order by id")
    become(db, role, user_id="alice" if role == "anon" else "mallory")
    for order_id in victims.ids:
        for token in (None, victims.own_token, ""):
            with raises(db, "KD401"):
                one(db, "select dbkit._change_order_status(%s, 'cancelled', %s)", order_id, token)
        for verb in ("delete from dbkit.orders", "update dbkit.orders set status = 'cancelled'"):
            with raises(db, "42501"):
                db.execute(f"{verb} where id = {order_id}".encode())
    db.execute("reset role")
    assert rows(db, "select * from dbkit.orders order by id") == before


GUARDED = sorted(
    name
    for name, roles in rights.FUNCTIONS.items()
    if roles and not roles & {"anon", "authenticated"}
)


@pytest.mark.parametrize("name", GUARDED)
def test_operators_functions_refuse_clients_twice(db: Connection, name: str) -> None:
    """By the missing grant; and should someone grant it, a definer function by itself (KD003)."""
    found = rows(
        db,
        "select oid::regprocedure::text as signature, prosecdef, array(select"
        " format_type(t, null) from unnest(proargtypes) as t) as types from pg_proc"
        " where pronamespace = 'dbkit'::regnamespace and proname = %s",
        name,
    )[0]
    nothing = ", ".join(f"null::{kind}" for kind in found["types"])
    for role in ("anon", "authenticated"):
        become(db, role, user_id="alice")
        with raises(db, "42501"):
            rows(db, f"select * from dbkit.{name}({nothing})")
        db.execute("reset role")
        if not found["prosecdef"] or name in rights.GUARDED_BY_GRANT_ALONE:
            continue
        db.execute(f"grant execute on function {found['signature']} to {role}".encode())
        become(db, role, user_id="alice")
        with raises(db, "KD003"):
            rows(db, f"select * from dbkit.{name}({nothing})")
        db.execute("reset role")
