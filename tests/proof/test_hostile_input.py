"""Whatever is sent, the outcome is an answer, or an error that tells the client what was wrong: one
of ours, or class 22 (bad data) or 54 (too large). Never an internal error, never a sign that text
of a client became SQL, and after an error nothing has changed."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.helpers import Connection, connect, one, rows
from tests.orders.shop import Shop, build_shop
from tests.proof import hostile

ROUTE = "select dbkit.route_api_call(%s, %s::jsonb, %s)"
CONTEXT = "select dbkit.set_request_context(%s::jsonb)"
FINE = re.compile("^(KD|22|54)")
CALLS = (
    "select name, version, handler_signature, request_schema from dbkit.api_rpcs order by rpc_id"
)
ROLES = {"anon": {}, "authenticated": {"user_id": "mallory"}}
UNTOUCHED = """
select coalesce(string_agg(md5(t::text), ',' order by t::text), '') from dbkit.{table} as t
"""


@dataclass
class Outcomes:
    """What a series of calls came to."""

    answered: list[Any] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)
    bad: list[str] = field(default_factory=list)
    """Calls whose error a client must never see, with the error."""

    @property
    def count(self) -> int:
        return len(self.answered) + self.codes.total()

    def run(self, conn: Connection, statement: str, *arguments: Any) -> None:
        """In a transaction of its own on an autocommit connection."""
        try:
            self.answered.append(one(conn, statement, *arguments))
        except psycopg.Error as error:
            code = error.sqlstate or "?"
            self.codes[code] += 1
            if not FINE.match(code) or leaks(error):
                shown = [repr(a)[:200] for a in arguments]
                self.bad.append(f"{code} {error.diag.message_primary} <- {shown}")


def leaks(error: psycopg.Error) -> bool:
    """Whether an error of ours shows a file or a statement of the server's."""
    told = f"{error.diag.message_primary} {error.diag.message_detail} {error.diag.message_hint}"
    return (error.sqlstate or "").startswith("KD") and bool(re.search(r"/usr/|/var/|\.c:", told))


@pytest.fixture
def shop(database: str) -> Shop:
    with connect(database) as conn:
        made = build_shop(conn)
        conn.commit()
    return made


def contents(database: str) -> dict[str, str]:
    """A fingerprint of every table's rows."""
    with connect(database) as conn:
        tables = rows(
            conn,
            "select relname from pg_class where relnamespace = 'dbkit'::regnamespace"
            " and relkind in ('r', 'p') and not relispartition",
        )
        return {t["relname"]: one(conn, UNTOUCHED.format(table=t["relname"])) for t in tables}


def client(database: str, role: str) -> Connection:
    """A connection on which each statement is a transaction; the user is the session's."""
    conn = connect(database, autocommit=True)
    conn.execute("set statement_timeout = '10s'")
    for key, value in ROLES[role].items():
        conn.execute("select set_config('dbkit.' || %s, %s, false)", [key, value])
    conn.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
    return conn


@pytest.mark.parametrize("role", ROLES)
def test_hostile_payloads_of_every_call_in_every_version(
    database: str, shop: Shop, role: str
) -> None:
    ids = {"store_id": shop.stores["grill"], "item_id": shop.items["soda"]}
    before = contents(database)
    seen = Outcomes()
    with client(database, role) as conn:
        for call in rows(conn, CALLS):
            for payload in hostile.payloads(call["request_schema"], ids):
                seen.run(conn, ROUTE, call["name"], payload, call["version"])
            assert one(conn, "show role") == role
        for payload in hostile.HUGE:
            seen.run(conn, ROUTE, "place_order", payload, "v3")
    assert seen.bad == []
    assert seen.count > 2000
    assert seen.codes["KD105"] > 1000
    assert {"22P02", "22P05", "54001"} <= set(seen.codes)
    assert_only_answers_changed(database, seen, before)


def assert_only_answers_changed(database: str, seen: Outcomes, before: dict[str, str]) -> None:
    """Every order and every status that is there was answered for; no other table is touched."""
    written = {"orders", "order_items", "order_status_history", "customers", "api_idempotency_keys"}
    written |= {"event_store", "event_streams"}
    after = contents(database)
    assert {table for table in before if before[table] != after[table]} <= written
    data = [answer["data"] for answer in seen.answered if "order" in answer["meta"]["rpc"]]
    # A repeated idempotency key repeats the answer: the same step is counted once.
    changed = {(d["order_id"], d["status_changed_at"]) for d in data if "previous_status" in d}
    placed = {d["order_id"] for d in data if "order_id" in d and "previous_status" not in d}
    with connect(database) as conn:
        orders = {r["id"]: r["status"] for r in rows(conn, "select id, status from dbkit.orders")}
        history = one(conn, "select count(*) from dbkit.order_status_history")
        events = one(conn, "select count(*) from dbkit.event_store")
    assert set(orders) == placed != set()
    assert {order for order, status in orders.items() if status != "pending"} == {
        order for order, _ in changed
    }
    assert history == events == len(orders) + len(changed)


@pytest.mark.parametrize("role", ROLES)
def test_hostile_payloads_past_the_router(database: str, shop: Shop, role: str) -> None:
    """A handler that is called directly has no schema before it, and has to stand by itself."""
    ids = {"store_id": shop.stores["grill"], "item_id": shop.items["soda"]}
    seen = Outcomes()
    with client(database, role) as conn:
        for call in rows(conn, CALLS):
            handler = call["handler_signature"].removesuffix("(jsonb)")
            if not one(
                conn, "select has_function_privilege(%s, 'execute')", call["handler_signature"]
            ):
                continue
            for payload in hostile.payloads(call["request_schema"], ids):
                seen.run(conn, f"select {handler}(%s::jsonb)", payload)
        for payload in hostile.HUGE:
            seen.run(conn, "select dbkit._place_order(%s::jsonb)", payload)
    assert seen.bad == []
    assert seen.count > 2000


@pytest.mark.parametrize("role", ROLES)
def test_hostile_names_versions_and_contexts(database: str, role: str) -> None:
    before = contents(database)
    seen = Outcomes()
    with client(database, role) as conn:
        for name in [*hostile.NAMES, None]:
            for version in [*hostile.VERSIONS, "v2", None]:
                seen.run(conn, ROUTE, name, "{}", version)
                seen.run(conn, "select dbkit.explain_route(%s, '{}', %s)", name, version)
        for context in hostile.CONTEXTS:
            seen.run(conn, CONTEXT, context)
    assert seen.bad == []
    assert contents(database) == before


@pytest.mark.parametrize(
    "setting",
    ["request.headers", "request.jwt.claims", "dbkit.app_version_key", "dbkit.api_version"],
)
def test_hostile_settings(database: str, setting: str) -> None:
    """Settings that any session can make, in place of the functions that write them."""
    seen = Outcomes()
    with client(database, "authenticated") as conn:
        for value in [*hostile.WHOLE, '{"x-app-version": "1"}', '{"x-api-version": {}}', "v2", "~"]:
            conn.execute("select set_config(%s, %s, false)", [setting, value])
            seen.run(conn, ROUTE, "get_features", "{}", None)
            seen.run(conn, ROUTE, "list_orders", "{}", None)
    assert seen.bad == []


def test_deep_payloads_of_a_call_that_takes_anything(database: str) -> None:
    """A user's call may register a schema without limits: then the schema check meets the depth."""
    with connect(database) as conn:
        conn.execute(
            "create function public.swallow(p_payload jsonb) returns jsonb language sql immutable"
            " return to_jsonb(length(p_payload::text));"
            " grant execute on function public.swallow(jsonb) to anon;"
            " select dbkit.register_rpc('swallow', 'v1', 'public.swallow(jsonb)', 'read')"
        )
        conn.commit()
    seen = Outcomes()
    with client(database, "anon") as conn:
        for payload in [*hostile.WHOLE, *hostile.HUGE]:
            seen.run(conn, ROUTE, "swallow", payload, "v1")
    assert seen.bad == []
    assert len(seen.answered) > 5


@pytest.mark.parametrize(
    ("body", "sqlstate"),
    [
        ("return (select nothing from dbkit.api_versions)", "42703"),
        ("return dbkit.no_such_function(p_payload)", "42883"),
        ("execute 'select ' || (p_payload ->> 'x')", "42601"),
        ("raise exception 'oops' using errcode = 'XX000'", "XX000"),
    ],
)
def test_control_a_bad_handler_is_found(database: str, body: str, sqlstate: str) -> None:
    with connect(database) as conn:
        conn.execute(
            "set check_function_bodies = off; create function public.bad(p_payload jsonb)"
            f" returns jsonb language plpgsql stable as $$ begin {body}; end $$;"
            " grant execute on function public.bad(jsonb) to anon;"
            " select dbkit.register_rpc('bad', 'v1', 'public.bad(jsonb)', 'read')".encode()
        )
        conn.commit()
    seen = Outcomes()
    with client(database, "anon") as conn:
        seen.run(conn, ROUTE, "bad", json.dumps({"x": "'"}), "v1")
    assert [line.split()[0] for line in seen.bad] == [sqlstate]
