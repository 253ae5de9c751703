"""Whom to call about an order."""

import json

import pytest

from tests.helpers import Connection, one, raises

CHECK = "select dbkit._order_contact(%s, %s)"


@pytest.mark.parametrize(
    "contact",
    [
        {"name": "A", "phone": "123"},
        {"name": "A", "email": "a@b"},
        {"name": "  Ann  ", "phone": " +49 (30) 1234/56 ", "email": "a@b.org"},
        {"name": "é" * 200, "email": "x" * 318 + "@b"},
    ],
)
def test_a_guest_with_name_and_one_way_to_reach_them(
    db: Connection, contact: dict[str, str]
) -> None:
    found = one(db, CHECK, json.dumps(contact), True)
    assert found == {
        k: contact[k].strip() if k in contact else None for k in ("name", "phone", "email")
    }


@pytest.mark.parametrize(
    ("contact", "field"),
    [
        (None, "name"),
        ([], "name"),
        ("Ann", "name"),
        ({"name": None, "phone": "123"}, "name"),
        ({"name": "   ", "phone": "123"}, "name"),
        ({"name": "x" * 201, "phone": "123"}, "name"),
        ({"name": "a\nb", "phone": "123"}, "name"),
        ({"name": "A"}, "phone"),
        ({"name": "A", "phone": "12"}, "phone"),
        ({"name": "A", "phone": "call me"}, "phone"),
        ({"name": "A", "phone": "1" * 41}, "phone"),
        ({"name": "A", "email": "a"}, "email"),
        ({"name": "A", "email": "a@b c"}, "email"),
        ({"name": "A", "email": "x" * 320 + "@b"}, "email"),
    ],
)
def test_refuses_a_guest_who_cannot_be_reached(db: Connection, contact: object, field: str) -> None:
    with raises(db, "KD411") as caught:
        one(db, CHECK, json.dumps(contact), True)
    assert caught.detail == {"field": f"customer/{field}"}


def test_an_account_may_say_nothing_but_nothing_malformed(db: Connection) -> None:
    assert one(db, CHECK, "{}", False) == {"name": None, "phone": None, "email": None}
    with raises(db, "KD411"):
        one(db, CHECK, '{"email": "x"}', False)
