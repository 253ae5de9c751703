from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.deployments.releases import release
from tests.helpers import Connection, become, connect, freeze_clock, one, raises, row, rows

LAST = "select * from dbkit.get_last_successful_deployment(%s)"


def test_finds_no_row_in_an_empty_log(db: Connection) -> None:
    assert rows(db, LAST, "production") == []


def test_finds_the_newest_with_its_columns(db: Connection) -> None:
    release(db, "1.2.0")
    freeze_clock(db, "2030-01-01T12:00:00Z")
    name = release(db, "1.3.0")
    found = row(db, LAST, "production")
    assert found.pop("id") > 0
    assert found == {
        "deployment_id": name,
        "environment": "production",
        "version": "1.3.0",
        "commit_sha": "abc1234",
        "deployed_by": one(db, "select session_user"),
        "deployed_at": datetime(2030, 1, 1, 12, tzinfo=UTC),
        "completed_at": datetime(2030, 1, 1, 12, tzinfo=UTC),
        "details": {},
    }


def test_of_one_instant_the_later_row_is_the_newest(db: Connection) -> None:
    freeze_clock(db, "2030-01-01T12:00:00Z")
    release(db, "1.2.0")
    newest = release(db, "1.3.0")
    assert row(db, LAST, "production")["deployment_id"] == newest


@pytest.mark.parametrize(
    ("status", "smoke"),
    [
        ("deploying", None),
        ("failed", True),
        ("failed", False),
        ("rolled_back", True),
        ("success", False),
        ("success", None),
    ],
)
def test_passes_over_what_is_no_proven_success(
    db: Connection, status: str, smoke: bool | None
) -> None:
    good = release(db, "1.2.0")
    release(db, "1.3.0", status, smoke=smoke)
    assert row(db, LAST, "production")["deployment_id"] == good


def test_passes_over_switches_and_rollbacks(db: Connection) -> None:
    good = release(db, "1.2.0")
    bad = release(db, "1.3.0")
    back = one(db, "select deployment_id from dbkit.log_rollback(%s, 'broken')", bad)
    row(db, "select * from dbkit.update_deployment_status(%s, 'success', true)", back)
    switch = one(db, "select dbkit._log_api_switch('v3', '{}')")
    db.execute(
        "update dbkit.deployment_log set smoke_test_passed = true where deployment_id = %s",
        [switch],
    )
    assert row(db, LAST, "production")["deployment_id"] == good


def test_keeps_environments_apart_and_takes_production_by_default(db: Connection) -> None:
    production = release(db, "1.2.0")
    staging = release(db, "1.3.0", environment="staging")
    default = row(db, "select * from dbkit.get_last_successful_deployment()")
    assert default["deployment_id"] == production
    assert row(db, LAST, "staging")["deployment_id"] == staging


@pytest.mark.parametrize("environment", [None, "", "test"])
def test_rejects_an_unknown_environment(db: Connection, environment: str | None) -> None:
    with raises(db, "KD004"):
        rows(db, LAST, environment)


@pytest.mark.parametrize("role", ["service_role", "super_admin"])
def test_service_and_super_admin_may_ask(db: Connection, role: str) -> None:
    name = release(db, "1.2.0")
    become(db, role)
    assert row(db, LAST, "production")["deployment_id"] == name


def test_works_in_a_read_only_transaction(database: str) -> None:
    with connect(database) as conn:
        conn.read_only = True
        assert rows(conn, LAST, "production") == []
