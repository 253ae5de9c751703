"""Tables of the menu: anyone reads the active menu of active stores, the service writes."""

import pytest

from tests.helpers import Connection, become, one, raises, rows
from tests.orders.shop import Shop

MENU_TABLES = ("stores", "menu_categories", "menu_items", "menu_item_customizations")
PUBLIC = [("anon", ""), ("anon", "sam"), ("authenticated", "alice"), ("authenticated", "sam")]


def _names(db: Connection, table: str) -> set[str]:
    return {r["name"] for r in rows(db, f"select name from dbkit.{table}")}


@pytest.mark.parametrize(("role", "user"), PUBLIC)
def test_the_public_reads_the_active_menu(db: Connection, shop: Shop, role: str, user: str) -> None:
    become(db, role, **({"user_id": user} if user else {}))
    assert _names(db, "stores") == {"grill", "noodles", "night"}
    assert _names(db, "menu_categories") == {"Mains", "Drinks", "Bowls", "Snacks"}
    assert _names(db, "menu_items") == {"burger", "soup", "soda", "ramen", "fries"}
    customizations = _names(db, "menu_item_customizations")
    assert "truffle" in customizations
    assert "old sauce" not in customizations


@pytest.mark.parametrize("role", ["service_role", "super_admin"])
def test_the_service_reads_all(db: Connection, shop: Shop, role: str) -> None:
    become(db, role)
    assert _names(db, "stores") == {"grill", "noodles", "night", "gone"}
    assert {"retired", "punch", "relic"} <= _names(db, "menu_items")
    assert "old sauce" in _names(db, "menu_item_customizations")


def test_a_store_that_closes_for_good_takes_its_menu_along(db: Connection, shop: Shop) -> None:
    db.execute("update dbkit.stores set is_active = false where name = 'grill'")
    become(db, "anon")
    assert _names(db, "menu_items") == {"ramen", "fries"}
    assert _names(db, "menu_item_customizations") == set()


def test_options_of_a_hidden_item_are_hidden(db: Connection, shop: Shop) -> None:
    become(db, "anon")
    assert one(db, "select count(*) from dbkit.menu_item_customizations") > 0
    become(db, "service_role")
    db.execute("update dbkit.menu_items set is_active = false where name = 'burger'")
    become(db, "anon")
    assert one(db, "select count(*) from dbkit.menu_item_customizations") == 0


@pytest.mark.parametrize(
    "table", [*MENU_TABLES, "ingredient_templates", "customers", "user_profiles"]
)
@pytest.mark.parametrize(("role", "user"), PUBLIC)
def test_the_public_writes_nothing(
    db: Connection, shop: Shop, role: str, user: str, table: str
) -> None:
    become(db, role, **({"user_id": user} if user else {}))
    for statement in (
        f"insert into dbkit.{table} default values",
        f"update dbkit.{table} set id = default",
        f"delete from dbkit.{table}",
        f"truncate dbkit.{table}",
    ):
        with raises(db, "42501"):
            db.execute(statement.encode())


@pytest.mark.parametrize(
    "change",
    ["tax_rate = 1", "tax_rate = -0.1", "currency = 'usd'", "currency = 'EURO'", "name = ''"],
)
def test_rows_stay_sound(db: Connection, shop: Shop, change: str) -> None:
    with raises(db, "23514"):
        db.execute(f"update dbkit.stores set {change}".encode())
