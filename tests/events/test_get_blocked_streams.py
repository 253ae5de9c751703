from __future__ import annotations

from tests.events.groups import append, at, must_claim, opened, register
from tests.helpers import Connection, become, one, raises, rows


def test_says_what_waits_and_why_the_longest_first(database: str) -> None:
    with opened(database) as conn:
        register(conn, poison_policy="block", max_failures=1)
        for seconds, stream in enumerate(("b", "a")):
            at(conn, seconds)
            append(conn, stream, 2)
            must_claim(conn).fail(conn, error=f"bad {stream}")
        one(conn, "select dbkit.unblock_stream('g', 'counter', 'a')")
        found = rows(conn, "select * from dbkit.get_blocked_streams('g')")
        assert [(f["aggregate_id"], f["last_error"], f["is_released"]) for f in found] == [
            ("b", "bad b", False),
            ("a", "bad a", True),
        ]
        assert [(f["version"], f["position"], f["failures"]) for f in found] == [
            (1, 1, 1),
            (1, 3, 1),
        ]
        assert len(rows(conn, "select * from dbkit.get_blocked_streams(null, 1)")) == 1
        assert rows(conn, "select * from dbkit.get_blocked_streams('other')") == []


def test_is_for_the_service_and_has_a_limit(db: Connection) -> None:
    with raises(db, "KD004"):
        db.execute("select * from dbkit.get_blocked_streams('g', 0)")
    become(db, "authenticated")
    with raises(db, "42501"):
        db.execute("select * from dbkit.get_blocked_streams('g')")
