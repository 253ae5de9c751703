"""Table orders: who reads it, and that only functions write it."""

import psycopg
import pytest

from tests.helpers import Connection, become, one, raises, rows
from tests.orders.people import SEES, Orders, become_person
from tests.orders.shop import VERSIONS, Shop, routed

ORDER_TABLES = ("orders", "order_items", "order_status_history")
KEYS = {"orders": "id", "order_items": "order_id", "order_status_history": "order_id"}


@pytest.mark.parametrize("table", ORDER_TABLES)
@pytest.mark.parametrize("person", SEES, ids=str)
def test_who_reads_which_rows(
    db: Connection, orders: Orders, person: tuple[str, str], table: str
) -> None:
    become_person(db, person)
    if person[0] == "anon":
        with raises(db, "42501"):
            one(db, f"select count(*) from dbkit.{table}")
        return
    found = {r["key"] for r in rows(db, f"select {KEYS[table]} as key from dbkit.{table}")}
    assert found == {orders.ids[key] for key in SEES[person]}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("person", SEES, ids=str)
def test_who_gets_which_orders_through_the_calls(
    db: Connection, orders: Orders, shop: Shop, person: tuple[str, str], version: str
) -> None:
    become_person(db, person)
    for key, order_id in orders.ids.items():
        if key in SEES[person]:
            assert routed(db, "get_order", version, {"order_id": order_id})["order_id"] == order_id
        else:
            with raises(db, "KD401"):
                routed(db, "get_order", version, {"order_id": order_id})
    if person[0] == "anon":
        with raises(db, "KD003"):
            routed(db, "list_orders", version, {})
        return
    listed = set()
    for payload in [{}, *({"store_id": s} for s in shop.stores.values())]:
        page = routed(db, "list_orders", version, payload)
        listed |= {o["order_id"] for o in page["orders"]}
    assert listed == {orders.ids[key] for key in SEES[person]}


@pytest.mark.parametrize("role", ["anon", "authenticated"])
@pytest.mark.parametrize("table", ORDER_TABLES)
def test_nobody_writes_but_the_functions(
    db: Connection, orders: Orders, table: str, role: str
) -> None:
    become(db, role, user_id="alice")
    key = KEYS[table]
    for statement in (
        f"insert into dbkit.{table} ({key}) overriding system value values (1)",
        f"update dbkit.{table} set id = default",
        f"delete from dbkit.{table}",
        f"truncate dbkit.{table}",
    ):
        with raises(db, "42501"):
            db.execute(statement.encode())


@pytest.mark.parametrize("role", ["service_role", "super_admin"])
def test_the_service_amends_contacts_but_no_status_and_no_amount(
    db: Connection, orders: Orders, role: str
) -> None:
    become(db, role)
    db.execute("update dbkit.orders set customer_name = null, customer_phone = null")
    for change in ("status = 'completed'", "total = 0", "user_id = 'x'", "guest_token_hash = null"):
        with raises(db, "42501"):
            db.execute(f"update dbkit.orders set {change}".encode())
    with raises(db, "42501"):
        db.execute("update dbkit.order_status_history set to_status = 'ready'")
    with raises(db, "42501"):
        db.execute("delete from dbkit.order_status_history")


def test_the_service_loads_and_deletes_whole_orders(db: Connection, shop: Shop) -> None:
    become(db, "service_role")
    order_id = one(
        db,
        "insert into dbkit.orders (organization_id, store_id, status, currency, tax_rate, subtotal,"
        " tax, total, api_version, completed_at)"
        " values ('smoke', %s, 'completed', 'USD', 0, 5, 0, 5, 'v1', now()) returning id",
        shop.stores["grill"],
    )
    db.execute(
        "insert into dbkit.order_items (order_id, position, name, unit_price, quantity, line_total)"
        " values (%s, 1, 'x', 5, 1, 5)",
        [order_id],
    )
    db.execute(
        "insert into dbkit.order_status_history (order_id, to_status, actor)"
        " values (%s, 'completed', 'service')",
        [order_id],
    )
    db.execute("delete from dbkit.orders where id = %s", [order_id])
    assert one(db, "select count(*) from dbkit.order_status_history") == 0


@pytest.mark.parametrize(
    "change",
    [
        "total = total + 1",
        "status = 'completed'",
        "completed_at = now()",
        "status = 'eaten'",
        "organization_id = 'wok'",
        "source_region = 'mars-1'",
        "currency = 'usd'",
        "api_version = 'beta'",
    ],
)
def test_rows_stay_sound(db: Connection, orders: Orders, change: str) -> None:
    with pytest.raises(psycopg.errors.IntegrityError), db.transaction():
        db.execute(f"update dbkit.orders set {change}".encode())


def test_row_security_binds_the_owner_too(db: Connection) -> None:
    found = rows(
        db,
        "select relname from pg_class where relnamespace = 'dbkit'::regnamespace"
        " and relrowsecurity and relforcerowsecurity",
    )
    assert {r["relname"] for r in found} >= {
        *("stores", "menu_categories", "menu_items", "menu_item_customizations", "customers"),
        *("ingredient_templates", "user_profiles", *ORDER_TABLES),
    }


def test_indexes_serve_pages_and_upkeep(db: Connection) -> None:
    found = {
        r["indexdef"].split(" USING btree ")[1]
        for r in rows(db, "select indexdef from pg_indexes where tablename = 'orders'")
    }
    assert found >= {
        "(source_region)",
        "(store_id, created_at DESC, id DESC)",
        "(user_id, created_at DESC, id DESC) WHERE (user_id IS NOT NULL)",
        "(status, status_changed_at)"
        " WHERE (status = ANY (ARRAY['preparing'::text, 'ready'::text]))",
    }
