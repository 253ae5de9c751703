"""Every function of healing and maintenance takes whatever fits its signature: the outcome is an
answer, or an error of ours that says what was wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dbkit import sqltree
from tests.healing.parts import make_house, register_lamps, stuck_orders
from tests.helpers import Connection, connect, one, rows
from tests.orders.shop import build_shop
from tests.proof.test_hostile_events import (
    LISTS,
    LONGS,
    TEXTS,
    WHOLES,
    assert_refused_by_us,
    session,
    try_all,
)
from tests.proof.test_hostile_input import Outcomes

NUMBERS: list[Any] = [None, "NaN", "Infinity", "-1", "0", "1", "1e30", "0.00001"]
JSONS = ["{}", "null", "[]", "1", '"x"', '{"a": 1}', json.dumps({"a": "x" * 20_000})]
USUAL: dict[str, Any] = {
    "p_rule": "lamps",
    "p_step": "auto_heal",
    "p_ledger_id": 1,
    "p_run_id": 1,
    "p_enabled": True,
    "p_dry_run": False,
    "p_limit": 10,
    "p_before_id": 100,
    "p_store_id": None,
    "p_hours": 24,
    "p_run_days": 30,
    "p_ledger_days": 400,
    "p_description": "lamps that shall be lit",
    "p_find_function": "house.find_dark",
    "p_apply_function": "house.light",
    "p_undo_function": "house.darken",
    "p_population_function": "house.count_lamps",
    "p_function": "dbkit.run_heal_rules",
    "p_group": None,
    "p_params": "{}",
    "p_batch_size": 10,
    "p_budget_per_hour": 10,
    "p_trip_share": "0.5",
    "p_trip_min": 10,
    "p_allow": 1,
    "p_run_order": 1,
    "p_every_seconds": 900,
    "p_holds_locks": False,
    "p_never_trips": False,
}
ORDERS = ("get_order_health_summary", "refresh_order_health")


@pytest.fixture
def house(database: str) -> str:
    with connect(database) as conn:
        shop = build_shop(conn)
        stuck_orders(conn, shop.stores["grill"], 2, "preparing", 60)
        make_house(conn)
        register_lamps(conn)
        one(conn, "select dbkit.run_heal_rules()")
    return database


def signatures(conn: Connection) -> list[tuple[str, list[tuple[str, str]]]]:
    """Those that the session may execute."""
    tree = sqltree.read_tree(sqltree.shipped_root() / "sql")
    names = [
        item.name
        for item in tree
        if item.kind == "functions"
        and ((item.module == "healing" and not item.name.startswith("_")) or item.name in ORDERS)
    ]
    found = rows(
        conn,
        "select proname, coalesce(proargnames[1:pronargs], '{}') as names,"
        " array(select format_type(t, null) from unnest(proargtypes) as t) as types from pg_proc"
        " where pronamespace = 'dbkit'::regnamespace and proname = any (%s)"
        " and has_function_privilege(oid, 'execute') order by proname",
        names,
    )
    return [(f["proname"], list(zip(f["names"], f["types"], strict=True))) for f in found]


@pytest.mark.parametrize(
    ("role", "at_least"), [("authenticated", 1), ("service_role", 18), ("super_admin", 24)]
)
def test_hostile_arguments_of_every_function(
    house: str, role: str, at_least: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.proof.test_hostile_events.USUAL", USUAL)
    seen = Outcomes()
    values: dict[str, list[Any]] = {
        "text": [t for t in TEXTS if t is None or len(t) < 10_000],
        "jsonb": JSONS,
        "integer": WHOLES,
        "bigint": LONGS,
        "boolean": [None, True, False],
        "numeric": NUMBERS,
        "text[]": LISTS,
    }
    with session(house, role) as conn:
        called = signatures(conn)
        for name, arguments in called:
            try_all(conn, seen, name, arguments, values)
    assert_refused_by_us(seen)
    assert len(called) >= at_least
    with connect(house) as conn:
        assert one(conn, "select count(*) from dbkit.heal_rules") == 3
        assert one(conn, "select count(*) from dbkit.heal_ledger") == 12
