"""_log_api_switch: the api module's switch writes its audit row with it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.deployments.releases import logged
from tests.helpers import Connection, become, freeze_clock, one, raises, unbecome

SWITCH = "select dbkit._log_api_switch('v3', '{\"previous_version\": \"v2\"}')"


def test_logs_a_switch_that_is_done(db: Connection) -> None:
    freeze_clock(db, "2026-01-01T12:00:00Z")
    name = one(db, SWITCH)
    found = logged(db, name)
    assert found.pop("id") > 0
    assert found == {
        "deployment_id": name,
        "kind": "api_switch",
        "environment": "production",
        "version": "v3",
        "commit_sha": None,
        "deployed_by": one(db, "select session_user"),
        "deployed_at": datetime(2026, 1, 1, 12, tzinfo=UTC),
        "completed_at": datetime(2026, 1, 1, 12, tzinfo=UTC),
        "status": "success",
        "smoke_test_passed": None,
        "rollback_target_id": None,
        "details": {"previous_version": "v2"},
    }


def test_takes_the_environment_from_the_setting(db: Connection) -> None:
    db.execute("set local dbkit.environment = 'staging'")
    assert logged(db, one(db, SWITCH))["environment"] == "staging"


def test_rejects_an_unknown_environment(db: Connection) -> None:
    db.execute("set local dbkit.environment = 'laptop'")
    with raises(db, "KD004"):
        one(db, SWITCH)


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role", "super_admin"])
def test_no_role_may_call_it(db: Connection, role: str) -> None:
    become(db, role)
    with raises(db, "42501"):
        one(db, SWITCH)


def test_notes_the_caller_from_inside_a_definer_function(db: Connection) -> None:
    db.execute(
        """
        create function dbkit.pretend_switch() returns text language sql security definer
        set search_path = pg_catalog, dbkit, pg_temp
        as $$ select dbkit._log_api_switch('v3', null) $$;
        grant execute on function dbkit.pretend_switch() to super_admin;
        """
    )
    become(db, "super_admin")
    name = one(db, "select dbkit.pretend_switch()")
    unbecome(db)
    found = logged(db, name)
    assert (found["deployed_by"], found["details"]) == ("super_admin", {})
