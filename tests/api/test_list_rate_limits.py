"""dbkit.list_rate_limits."""

from __future__ import annotations

import pytest

from tests.helpers import Connection, become, raises, rows

LIST = "select * from dbkit.list_rate_limits()"


def test_lists_by_consumer_and_call(db: Connection) -> None:
    become(db, "service_role")
    for consumer in ("key:b", "*", "key:a"):
        for call in ("get_features", "*"):
            db.execute("select dbkit.set_rate_limit(%s, %s, 5, 60)", [consumer, call])
    found = [(r["consumer"], r["call"]) for r in rows(db, LIST)]
    assert found == sorted(found)
    assert len(found) == 6


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_is_for_services(db: Connection, role: str) -> None:
    become(db, role)
    with raises(db, "42501"):
        db.execute(LIST)
