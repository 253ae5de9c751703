"""dbkit.promote_release."""

from __future__ import annotations

import pytest

from tests.api.conftest import let_end
from tests.api.releases import actions, begin, clients, status, version_of
from tests.helpers import Connection, become, one, raises, row


def test_everybody_has_it_at_once(db: Connection) -> None:
    outside = next(n for n, bucket in clients(db).items() if bucket > 5)
    begun = begin(db)
    done = one(db, "select dbkit.promote_release(%s, 'looks good')", begun["release_id"])
    assert (done["status"], done["reason"]) == ("promoted", "looks good")
    pointer = row(db, "select * from dbkit.active_api_version")
    assert (pointer["current_version"], pointer["fallback_version"]) == ("v3", "v2")
    assert (pointer["revision"], pointer["has_pins"]) == (2, False)
    assert version_of(db, outside) == version_of(db, None) == "v3"
    assert actions(db) == ["release_begun", "release_promoted"]


def test_only_one_that_runs(db: Connection) -> None:
    with raises(db, "KD117"):
        one(db, "select dbkit.promote_release()")
    begin(db)
    with raises(db, "KD117"):
        one(db, "select dbkit.promote_release('rel_x')")
    one(db, "select dbkit.promote_release()")
    with raises(db, "KD117"):
        one(db, "select dbkit.promote_release()")


def test_not_a_version_that_has_ended_meanwhile(db: Connection) -> None:
    begin(db)
    let_end(db, "v3")
    db.execute("select set_config('dbkit.clock', '', true)")
    with raises(db, "KD103"):
        one(db, "select dbkit.promote_release()")
    assert status(db)["status"] == "running"


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
def test_only_super_admin(db: Connection, role: str) -> None:
    begin(db)
    become(db, role)
    with raises(db, "42501"):
        one(db, "select dbkit.promote_release()")
