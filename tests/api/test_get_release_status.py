"""dbkit.get_release_status."""

from __future__ import annotations

import pytest

from tests.api.releases import begin, status
from tests.helpers import Connection, become, one, raises


def test_nothing_before_the_first(db: Connection) -> None:
    assert status(db) is None


def test_the_newest_or_the_one_asked_for(db: Connection) -> None:
    first = begin(db)["release_id"]
    one(db, "select dbkit.abort_release()")
    db.execute("select set_config('dbkit.clock', '2026-06-02Z', true)")
    second = one(db, "select dbkit.begin_release('v3', 10, p_steps => '{25,50}')")
    assert status(db) == second
    assert (second["share"], second["next_shares"]) == (10, [25, 50])
    assert one(db, "select dbkit.get_release_status(%s)", first)["status"] == "aborted"
    assert one(db, "select dbkit.get_release_status('rel_none')") is None


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_not_for_clients(db: Connection, role: str) -> None:
    become(db, role)
    with raises(db, "42501"):
        status(db)


def test_for_the_service(db: Connection) -> None:
    begin(db)
    become(db, "service_role")
    assert status(db)["status"] == "running"
