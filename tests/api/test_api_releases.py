"""dbkit.api_releases: what the table itself holds."""

from __future__ import annotations

import pytest

from tests.api.releases import begin
from tests.helpers import Connection, become, one, raises


def test_one_runs_at_a_time(db: Connection) -> None:
    begin(db)
    copy = (
        "insert into dbkit.api_releases select (jsonb_populate_record(r, jsonb_build_object("
        "'release_id', 'rel_' || gen_random_uuid()))).* from dbkit.api_releases r"
    )
    with raises(db, "23505"):
        db.execute(copy.encode())


@pytest.mark.parametrize(
    "change",
    [
        "share = 100",
        "share = 'NaN'",
        "status = 'promoted'",
        "guards = '{}'",
        "guards = '{x}'",
        "version = previous_version",
        "slow_ms = 5",
        "min_samples = 1",
        "failing_consumers = '{a,b,c,d}'",
    ],
)
def test_holds_only_what_makes_sense(db: Connection, change: str) -> None:
    begin(db)
    with raises(db, "23514"):
        db.execute(f"update dbkit.api_releases set {change}".encode())


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role", "super_admin"])
def test_is_written_by_functions_alone(db: Connection, role: str) -> None:
    begin(db)
    become(db, role)
    for statement in ("update dbkit.api_releases set share = 50", "delete from dbkit.api_releases"):
        with raises(db, "42501"):
            db.execute(statement.encode())
    if role in ("service_role", "super_admin"):
        assert one(db, "select count(*) from dbkit.api_releases") == 1
    else:
        with raises(db, "42501"):
            one(db, "select count(*) from dbkit.api_releases")
