"""dbkit.abort_release."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import in_parallel, outcome
from tests.api.releases import actions, begin, clients, status, version_of
from tests.helpers import Connection, become, connect, one, raises


def test_the_old_version_serves_everybody_again(db: Connection) -> None:
    inside = next(n for n, bucket in clients(db).items() if bucket < 5)
    begun = begin(db)
    assert version_of(db, inside) == "v3"
    done = one(db, "select dbkit.abort_release(%s, '  ')", begun["release_id"])
    assert (done["status"], done["reason"]) == ("aborted", "by hand")
    assert version_of(db, inside) == "v2"
    assert actions(db) == ["release_begun", "release_aborted"]


def test_pins_stay(db: Connection) -> None:
    one(db, "select dbkit.pin_consumer('web_1', 'v1')")
    begin(db)
    one(db, "select dbkit.abort_release()")
    assert one(db, "select has_pins from dbkit.active_api_version") is True


def test_only_one_that_runs(db: Connection) -> None:
    begin(db)
    with raises(db, "KD117") as caught:
        one(db, "select dbkit.abort_release(%s)", "x" * 1000)
    assert len(caught.detail["release_id"]) == 100
    one(db, "select dbkit.abort_release()")
    with raises(db, "KD117"):
        one(db, "select dbkit.abort_release()")


def abort(conn: Connection) -> Any:
    return one(conn, "select dbkit.abort_release()")


def promote(conn: Connection) -> Any:
    return one(conn, "select dbkit.promote_release()")


def test_abort_and_promote_cannot_cross(database: str) -> None:
    for _ in range(5):
        with connect(database, autocommit=True) as conn:
            one(conn, "select dbkit.switch_api_version('v2', 'v1')")
            one(conn, "select dbkit.begin_release('v3', 5)")
        got = in_parallel(2, lambda n: outcome(database, promote if n else abort))
        assert [g for g in got if not isinstance(g, dict)] == ["KD117"]
        with connect(database) as conn:
            ended = status(conn)["status"]
            current = one(conn, "select current_version from dbkit.active_api_version")
            assert (ended, current) in {("aborted", "v2"), ("promoted", "v3")}


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
def test_only_super_admin(db: Connection, role: str) -> None:
    begin(db)
    become(db, role)
    with raises(db, "42501"):
        one(db, "select dbkit.abort_release()")
