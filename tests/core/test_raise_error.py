"""One form for every error."""

import psycopg
import pytest

from tests.helpers import Connection, become, one, raises

RAISE = "select dbkit.raise_error(%s, %s, %s, %s)"


def test_carries_all_four_parts(db: Connection) -> None:
    become(db, "anon")
    with raises(db, "KD999") as caught:
        one(db, RAISE, "KD999", "100 % of 'it' \\ broke", '{"a": [1, "é"]}', "Mend it.")
    assert caught.message == "100 % of 'it' \\ broke"
    assert caught.detail == {"a": [1, "é"]}
    assert caught.hint == "Mend it."


def test_detail_and_hint_may_be_left_out(db: Connection) -> None:
    with raises(db, "KD004") as caught:
        one(db, "select dbkit.raise_error('KD004', 'no')")
    assert (caught.detail, caught.hint) == ({}, "")
    with raises(db, "KD004") as caught:
        one(db, RAISE, "KD004", "no", None, None)
    assert caught.detail == {}


@pytest.mark.parametrize("sqlstate", ["no", "", None, "kd001"])
def test_always_fails_even_with_a_bad_code(db: Connection, sqlstate: str | None) -> None:
    with pytest.raises(psycopg.Error), db.transaction():
        one(db, RAISE, sqlstate, "message", "{}", "")
