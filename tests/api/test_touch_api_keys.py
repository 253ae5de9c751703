"""dbkit.touch_api_keys: when a key was last used, to the minute."""

from __future__ import annotations

import pytest

from tests.api.test_create_api_key import create
from tests.helpers import Connection, become, connect, freeze_clock, one, raises

TOUCH = "select dbkit.touch_api_keys(%s::text[])"
USED = "select last_used_at::text from dbkit.api_keys where key_id = %s"


def test_notes_a_use_once_a_minute(db: Connection) -> None:
    freeze_clock(db, "2026-01-01T00:00:00Z")
    become(db, "service_role")
    keys = [create(db)["key_id"] for _ in range(3)]
    assert one(db, TOUCH, keys[:2]) == 2
    assert one(db, TOUCH, keys) == 1
    freeze_clock(db, "2026-01-01T00:01:01Z")
    assert one(db, TOUCH, [*keys, *keys]) == 3
    db.execute("reset role")
    assert one(db, USED, keys[0]).startswith("2026-01-01 00:01:01")


def test_what_is_unknown_is_passed_over(db: Connection) -> None:
    for given in ([], ["", "x", None], None):
        assert one(db, TOUCH, given) == 0
    with raises(db, "KD004"):
        one(db, TOUCH, ["x"] * 10001)


def test_a_key_that_somebody_holds_is_passed_over(database: str) -> None:
    with connect(database, autocommit=True) as conn, connect(database) as other:
        keys = [create(conn)["key_id"] for _ in range(2)]
        other.execute("select from dbkit.api_keys where key_id = %s for update", [keys[0]])
        assert one(conn, TOUCH, keys) == 1


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_is_for_services(db: Connection, role: str) -> None:
    become(db, role)
    with raises(db, "42501"):
        one(db, TOUCH, [])
