"""Every registered call answers what its response schema says, in every version."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

from tests.helpers import Connection, become, one, raises, row, rows
from tests.orders.people import Orders
from tests.orders.shop import VERSIONS, Shop, routed

CALLS = (
    *("get_menu_items", "place_order", "get_order", "list_orders"),
    *("update_order_status", "cancel_order"),
)


def _payloads(shop: Shop, orders: Orders, version: str) -> dict[str, Any]:
    order = shop.order(shop.line("burger", 2, "large", "shake", "cheese"))
    if version == "v1":
        order = {"store_id": shop.stores["grill"], "item_id": shop.items["soda"], "quantity": 1}
        order |= {"customer_name": "A", "customer_phone": "123"}
    return {
        "get_menu_items": {},
        "place_order": order,
        "get_order": {"order_id": orders.ids["alice"]},
        "list_orders": {"limit": 2},
        "update_order_status": {"order_id": orders.ids["bob"], "status": "confirmed"},
        "cancel_order": {"order_id": orders.ids["alice"], "reason": "x"},
    }


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", CALLS)
def test_answer_fits_its_schema(
    db: Connection, shop: Shop, orders: Orders, name: str, version: str
) -> None:
    schema = one(
        db,
        "select response_schema from dbkit.api_rpcs where (name, version) = (%s, %s)",
        name,
        version,
    )
    become(db, "service_role")
    answer = routed(db, name, version, _payloads(shop, orders, version)[name])
    problems = rows(
        db,
        "select * from dbkit.validate_json(%s, %s)",
        json.dumps(_strict(schema)),
        json.dumps(answer),
    )
    assert problems == []


def _strict(schema: Any) -> Any:
    """The schema without room for what it does not name, so that a forgotten property shows."""
    if isinstance(schema, list):
        return [_strict(s) for s in schema]
    if not isinstance(schema, dict):
        return schema
    found = {k: _strict(v) for k, v in schema.items()}
    if "properties" in found:
        assert set(found["required"]) == set(found["properties"]), found["title"]
        found["additionalProperties"] = False
    return found


def test_one_title_is_one_shape(db: Connection) -> None:
    shapes: dict[str, Any] = {}

    def look(schema: Any) -> None:
        if isinstance(schema, list):
            for part in schema:
                look(part)
        elif isinstance(schema, dict):
            for part in schema.values():
                look(part)
            if "properties" in schema:
                assert shapes.setdefault(schema["title"], schema) == schema

    for found in rows(
        db,
        "select request_schema, response_schema from dbkit.api_rpcs where name = any(%s)",
        list(CALLS),
    ):
        look(list(found.values()))
    assert len(shapes) > 20


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", CALLS)
def test_unknown_keys_are_refused(
    db: Connection, shop: Shop, orders: Orders, name: str, version: str
) -> None:
    become(db, "service_role")
    payload = _payloads(shop, orders, version)[name] | {"surprise": 1}
    with raises(db, "KD105") as caught:
        routed(db, name, version, payload)
    assert caught.detail["field"] == "surprise"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    "payload",
    [
        *("{}", "null", "[]", '"x"', "1", '{"items": [[[]]]}'),
        '{"order_id": "x", "store_id": "x", "limit": "x"}',
        '{"order_id": 1e400, "store_id": 1e400, "limit": 1e400}',
        '{"order_id": {}, "store_id": {}, "limit": []}',
    ],
)
def test_a_handler_called_with_anything_fails_cleanly(
    db: Connection, shop: Shop, name: str, version: str, payload: str
) -> None:
    """Without the router in between: an answer, an error of ours, or a data error (class 22)."""
    become(db, "service_role")
    signature = one(
        db,
        "select handler_signature from dbkit.api_rpcs where (name, version) = (%s, %s)",
        name,
        version,
    )
    try:
        with db.transaction():
            db.execute(f"select {signature.split('(')[0]}(%s)".encode(), [payload])
    except psycopg.Error as error:
        assert (error.sqlstate or "")[:2] in ("KD", "22"), f"{error.sqlstate}: {error}"


def test_reads_are_stable_and_run_with_the_callers_rights(db: Connection) -> None:
    found = rows(
        db,
        "select p.proname, p.provolatile::text as volatile, p.prosecdef as definer"
        " from pg_proc p where p.pronamespace = 'dbkit'::regnamespace"
        " and p.proname ~ '^rpc_v[123]_(get_menu_items|get_order|list_orders)$'",
    )
    assert len(found) == 9
    assert {(r["volatile"], r["definer"]) for r in found} == {("s", False)}


def test_definer_functions_pin_their_search_path(db: Connection) -> None:
    found = rows(
        db,
        "select p.proname, p.proconfig from pg_proc p where p.prosecdef"
        " and p.proname = any('{_place_order,_change_order_status,_guest_order_document}')",
    )
    assert len(found) == 3
    for function in found:
        assert function["proconfig"] == ["search_path=pg_catalog, dbkit, pg_temp"]


def test_errors_of_the_module_are_registered(db: Connection) -> None:
    found = row(
        db,
        "select array_agg(sqlstate order by sqlstate) as codes from dbkit.error_codes"
        " where sqlstate like 'KD4%%'",
    )
    assert found["codes"] == [f"KD4{n:02}" for n in range(1, 17)]
