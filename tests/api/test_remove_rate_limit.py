"""dbkit.remove_rate_limit."""

from __future__ import annotations

import pytest

from tests.helpers import Connection, become, connect, one, raises, rows

REMOVE = "select dbkit.remove_rate_limit(%s, %s)"


def test_takes_one_limit_away(db: Connection) -> None:
    become(db, "service_role")
    db.execute("select dbkit.set_rate_limit(c, '*', 1, 1) from unnest(array['a', '*']) as c")
    assert one(db, REMOVE, "a", "*") is True
    assert one(db, REMOVE, "a", "*") is False
    for nothing in ((None, None), ("", ""), ("*", "%")):
        assert one(db, REMOVE, *nothing) is False
    assert [r["consumer"] for r in rows(db, "select * from dbkit.list_rate_limits()")] == ["*"]


def test_gateways_are_told_of_what_changed(database: str) -> None:
    with connect(database, autocommit=True) as conn:
        conn.execute("select dbkit.set_rate_limit('*', '*', 1, 1)")
        conn.execute("listen dbkit_rate_limits")
        one(conn, REMOVE, "*", "*")
        one(conn, REMOVE, "*", "*")
        assert [n.channel for n in conn.notifies(timeout=0)] == ["dbkit_rate_limits"]


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_is_for_services(db: Connection, role: str) -> None:
    become(db, role)
    with raises(db, "42501"):
        one(db, REMOVE, "*", "*")
