from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from tests.deployments.releases import logged
from tests.helpers import Connection, become, freeze_clock, one, raises


def test_logs_a_release_that_starts(db: Connection) -> None:
    freeze_clock(db, "2026-01-01T12:00:00Z")
    become(db, "service_role")
    name = one(
        db,
        "select dbkit.log_deployment('1.4.0', 'staging', 'abc1234', 'ci:77', '{\"run\": 77}')",
    )
    assert name == "ci:77"
    found = logged(db, name)
    assert found.pop("id") > 0
    assert found == {
        "deployment_id": "ci:77",
        "kind": "release",
        "environment": "staging",
        "version": "1.4.0",
        "commit_sha": "abc1234",
        "deployed_by": "service_role",
        "deployed_at": datetime(2026, 1, 1, 12, tzinfo=UTC),
        "completed_at": None,
        "status": "deploying",
        "smoke_test_passed": None,
        "rollback_target_id": None,
        "details": {"run": 77},
    }


def test_makes_an_id_and_takes_production_when_nothing_else_is_said(db: Connection) -> None:
    first = one(db, "select dbkit.log_deployment('1.4.0')")
    second = one(db, "select dbkit.log_deployment('1.4.0')")
    assert re.fullmatch(r"dep_[0-9a-f-]{36}", first)
    assert first != second
    found = logged(db, first)
    assert (found["environment"], found["commit_sha"], found["details"]) == ("production", None, {})


def test_takes_null_details_as_none(db: Connection) -> None:
    name = one(db, "select dbkit.log_deployment('1.4.0', p_details => null)")
    assert logged(db, name)["details"] == {}


@pytest.mark.parametrize(
    ("arguments", "argument"),
    [
        ("null", "p_version"),
        ("''", "p_version"),
        ("'1 4'", "p_version"),
        ("repeat('1', 101)", "p_version"),
        ("'1', null", "p_environment"),
        ("'1', 'test'", "p_environment"),
        ("'1', p_commit_sha => 'HEAD'", "p_commit_sha"),
        ("'1', p_commit_sha => ''", "p_commit_sha"),
        ("'1', p_deployment_id => ''", "p_deployment_id"),
        ("'1', p_deployment_id => E'a\\nb'", "p_deployment_id"),
        ("'1', p_deployment_id => repeat('a', 101)", "p_deployment_id"),
        ("'1', p_details => 'null'", "p_details"),
        ("'1', p_details => '[]'", "p_details"),
        ("'1', p_details => jsonb_build_object('a', repeat('a', 65536))", "p_details"),
    ],
)
def test_rejects_a_bad_argument_by_name(db: Connection, arguments: str, argument: str) -> None:
    with raises(db, "KD004") as caught:
        one(db, f"select dbkit.log_deployment({arguments})")
    assert caught.detail["argument"] == argument
    assert one(db, "select count(*) from dbkit.deployment_log") == 0


def test_rejects_an_id_that_is_taken(db: Connection) -> None:
    one(db, "select dbkit.log_deployment('1.4.0', p_deployment_id => 'ci:77')")
    with raises(db, "KD202") as caught:
        one(db, "select dbkit.log_deployment('1.5.0', p_deployment_id => 'ci:77')")
    assert caught.detail == {"deployment_id": "ci:77"}
    assert logged(db, "ci:77")["version"] == "1.4.0"
