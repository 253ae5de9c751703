"""Templates are read by the organization's staff and no one else."""

import pytest

from tests.helpers import Connection, become, one, raises
from tests.orders.shop import Shop, add_node


@pytest.fixture
def cheddar(db: Connection, shop: Shop) -> int:
    made: int = one(
        db,
        "insert into dbkit.ingredient_templates (organization_id, name, allergens)"
        " values ('smoke', 'cheddar', '{milk}') returning id",
    )
    return made


@pytest.mark.parametrize(
    ("user", "sees"),
    [("sam", 1), ("mia", 1), ("oona", 0), ("alice", 0), ("boss", 0), ("nobody", 0)],
)
def test_staff_of_the_organization_read_them(
    db: Connection, cheddar: int, user: str, sees: int
) -> None:
    become(db, "authenticated", user_id=user)
    assert one(db, "select count(*) from dbkit.ingredient_templates") == sees


def test_anonymous_callers_do_not(db: Connection, cheddar: int) -> None:
    become(db, "anon", user_id="sam")
    with raises(db, "42501"):
        one(db, "select count(*) from dbkit.ingredient_templates")


def test_an_option_outlives_its_template(db: Connection, shop: Shop, cheddar: int) -> None:
    made = add_node(db, shop, "burger", "cheddar", "extras", ingredient_template_id=cheddar)
    db.execute("delete from dbkit.ingredient_templates")
    found = one(
        db,
        "select ingredient_template_id is null from dbkit.menu_item_customizations where id = %s",
        made,
    )
    assert found is True
