"""The tree stays a tree, by constraints alone. Who reads it is in test_stores."""

import pytest

from tests.helpers import Connection, one, raises
from tests.orders.shop import Shop, add_node


def test_groups_and_options_alternate_four_levels_deep(db: Connection, shop: Shop) -> None:
    levels = "select array_agg(distinct level order by level) from dbkit.menu_item_customizations"
    assert one(db, levels) == [0, 1, 2, 3]
    with raises(db, "23514"):
        add_node(db, shop, "burger", "too deep", "cola")


@pytest.mark.parametrize("level", [1, 3])
def test_a_level_is_that_of_the_parent_plus_one(db: Connection, shop: Shop, level: int) -> None:
    with raises(db, "23503"):
        add_node(db, shop, "burger", "wrong", "large", level=level)


def test_only_roots_have_no_parent(db: Connection, shop: Shop) -> None:
    with raises(db, "23514"):
        add_node(db, shop, "burger", "wrong", None, level=1)
    with raises(db, "23514"):
        add_node(db, shop, "burger", "wrong", "large", level=0)


def test_a_loop_is_impossible(db: Connection, shop: Shop) -> None:
    with raises(db, "23503"):
        db.execute(
            "update dbkit.menu_item_customizations set parent_id = %s where id = %s",
            [shop.groups["combo"], shop.options["large"]],
        )


def test_nothing_hangs_on_another_items_tree(db: Connection, shop: Shop) -> None:
    with raises(db, "23503"):
        add_node(db, shop, "soda", "wrong", "size")


@pytest.mark.parametrize(
    "change",
    [
        "min_select = 2",
        "max_select = 0",
        "min_select = -1",
        "price_delta = 1",
        "is_default = true",
        "name = ''",
    ],
)
def test_groups_stay_sound(db: Connection, shop: Shop, change: str) -> None:
    with raises(db, "23514"):
        db.execute(
            f"update dbkit.menu_item_customizations set {change} where id = %s".encode(),
            [shop.groups["size"]],
        )


def test_a_deleted_branch_takes_its_leaves_along(db: Connection, shop: Shop) -> None:
    db.execute("delete from dbkit.menu_item_customizations where name = 'large'")
    left = one(db, "select array_agg(name) from dbkit.menu_item_customizations")
    assert not {"combo", "cola", "shake"} & set(left)
