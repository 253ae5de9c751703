"""dbkit.set_rate_limit: what a limit may be, and who is told of it."""

from __future__ import annotations

import pytest

from tests.helpers import Connection, become, connect, freeze_clock, one, raises, row, rows

SET = "select dbkit.set_rate_limit(%s, %s, %s, %s)"


def test_sets_and_changes_a_limit(db: Connection) -> None:
    become(db, "service_role")
    freeze_clock(db, "2026-01-01T00:00:00Z")
    one(db, SET, "key:1", "get_menu_items", 10, 60)
    one(db, SET, "key:1", "get_menu_items", 20, 3600)
    found = row(db, "select *, updated_at::text as at from dbkit.list_rate_limits()")
    assert (found["max_calls"], found["window_seconds"]) == (20, 3600)
    assert found["updated_by"] == "service_role"


def test_gateways_are_told_once_a_transaction(database: str) -> None:
    with connect(database, autocommit=True) as conn:
        conn.execute("listen dbkit_rate_limits")
        with conn.transaction():
            one(conn, SET, "*", "*", 1, 1)
            one(conn, SET, "*", "get_features", 1, 1)
        assert [n.channel for n in conn.notifies(timeout=0)] == ["dbkit_rate_limits"]


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("consumer", (None, "*", 1, 1)),
        ("consumer", ("", "*", 1, 1)),
        ("consumer", ("x" * 201, "*", 1, 1)),
        ("consumer", ("a\nb", "*", 1, 1)),
        ("call", ("*", None, 1, 1)),
        ("call", ("*", "get_*", 1, 1)),
        ("call", ("*", "Get", 1, 1)),
        ("call", ("*", "x" * 64, 1, 1)),
        ("max_calls", ("*", "*", -1, 1)),
        ("max_calls", ("*", "*", None, 1)),
        ("max_calls", ("*", "*", 1_000_000_001, 1)),
        ("window_seconds", ("*", "*", 1, 0)),
        ("window_seconds", ("*", "*", 1, None)),
        ("window_seconds", ("*", "*", 1, 2_678_401)),
    ],
)
def test_what_is_no_limit(db: Connection, field: str, arguments: tuple[object, ...]) -> None:
    with raises(db, "KD126") as caught:
        one(db, SET, *arguments)
    assert caught.detail == {"field": field}
    assert rows(db, "select from dbkit.api_rate_limits") == []


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_is_for_services(db: Connection, role: str) -> None:
    become(db, role)
    with raises(db, "42501"):
        one(db, SET, "*", "*", 1, 1)
