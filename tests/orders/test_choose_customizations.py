"""Which choices an item allows."""

from typing import Any

import pytest

from tests.helpers import Connection, one, raises
from tests.orders.shop import Shop, add_node


def choose(
    db: Connection, shop: Shop, *options: str | int | None, item: str = "burger"
) -> list[str]:
    ids = [shop.options[o] if isinstance(o, str) else o for o in options]
    found: list[dict[str, Any]] = one(
        db, "select dbkit._choose_customizations(%s, %s, 'f')", shop.items[item], ids
    )
    return [c["name"] for c in found]


def test_keeps_menu_order_whatever_the_payload_order(db: Connection, shop: Shop) -> None:
    assert choose(db, shop, "shake", "cheese", "large") == ["large", "cheese", "shake"]


@pytest.mark.parametrize(
    ("options", "group", "chosen"),
    [
        ((), "size", 0),
        (("regular", "large", "cola"), "size", 2),
        (("large",), "combo", 0),
        (("large", "cola", "shake"), "combo", 2),
        (("regular", "cheese", "bacon", "no bun"), "extras", 3),
    ],
)
def test_counts_what_each_open_group_asks_for(
    db: Connection, shop: Shop, options: tuple[str, ...], group: str, chosen: int
) -> None:
    with raises(db, "KD409") as caught:
        choose(db, shop, *options)
    assert caught.detail["group_id"] == shop.groups[group]
    assert caught.detail["chosen"] == chosen
    assert caught.detail["max_select"] == (2 if group == "extras" else 1)
    assert caught.detail["field"] == "f"


def test_a_group_below_an_option_not_chosen_asks_for_nothing(db: Connection, shop: Shop) -> None:
    assert choose(db, shop, "regular") == ["regular"]


@pytest.mark.parametrize(
    "options",
    [
        ("regular", "cola"),  # without the option above it
        ("regular", "regular"),
        ("regular", "old sauce"),  # taken off the menu
        ("regular", 2**62),
        ("regular", None),
        ("regular", -1),
    ],
)
def test_refuses_options_that_cannot_be_chosen(
    db: Connection, shop: Shop, options: tuple[str | int | None, ...]
) -> None:
    with raises(db, "KD407") as caught:
        choose(db, shop, *options)
    last = options[-1]
    assert caught.detail["option_id"] == (shop.options[last] if isinstance(last, str) else last)


def test_a_group_is_no_option(db: Connection, shop: Shop) -> None:
    with raises(db, "KD407"):
        choose(db, shop, "regular", shop.groups["extras"])


def test_an_option_of_another_item_is_refused(db: Connection, shop: Shop) -> None:
    with raises(db, "KD407"):
        choose(db, shop, "cheese", item="soda")


def test_refuses_sold_out_options(db: Connection, shop: Shop) -> None:
    with raises(db, "KD408") as caught:
        choose(db, shop, "regular", "truffle")
    assert caught.detail["option_id"] == shop.options["truffle"]


def test_options_below_an_inactive_node_are_gone(db: Connection, shop: Shop) -> None:
    db.execute(
        "update dbkit.menu_item_customizations set is_active = false where id = %s",
        [shop.groups["combo"]],
    )
    assert choose(db, shop, "large") == ["large"]
    with raises(db, "KD407"):
        choose(db, shop, "large", "cola")


def test_defaults_follow_their_option_and_skip_sold_out(db: Connection, shop: Shop) -> None:
    default = "select dbkit._choose_customizations(%s, null, 'f')"
    flag = "update dbkit.menu_item_customizations set {} where id = %s"
    assert [c["name"] for c in one(db, default, shop.items["burger"])] == ["regular"]
    db.execute(flag.format("is_default = false").encode(), [shop.options["regular"]])
    db.execute(flag.format("is_default = true").encode(), [shop.options["large"]])
    names = [c["name"] for c in one(db, default, shop.items["burger"])]
    assert names == ["large", "cola"]
    db.execute(flag.format("is_available = false").encode(), [shop.options["large"]])
    with raises(db, "KD409"):
        one(db, default, shop.items["burger"])


def test_required_group_without_options_cannot_be_met(db: Connection, shop: Shop) -> None:
    add_node(db, shop, "soda", "cup", None, min_select=1, max_select=1)
    with raises(db, "KD409"):
        choose(db, shop, item="soda")
