"""dbkit.log_deployment_step, and what its contract revisions forbid."""

from __future__ import annotations

import json

import pytest

from tests.deployments.releases import logged, release
from tests.helpers import Connection, become, one, raises, row, rows

STEP = "select dbkit.log_deployment_step(%s, %s, %s, %s, %s::text[])"
ROLLBACK = "select * from dbkit.log_rollback(%s, 'broken')"


def step(
    conn: Connection,
    deployment: str,
    name: str = "migrate",
    status: str = "started",
    details: object = None,
    contract: list[str] | None = None,
) -> int:
    found: int = one(
        conn, STEP, deployment, name, status, json.dumps(details or {}), contract or []
    )
    return found


def test_keeps_each_step_in_order(db: Connection) -> None:
    name = release(db, "2", "deploying")
    step(db, name, details={"from": "0009"}, contract=["0010"])
    step(db, name, "migrate", "done")
    step(db, name, "smoke", "inconclusive", {"test": "https://x/"})
    found = rows(db, "select * from dbkit.get_deployment_steps(%s)", name)
    assert [(f["step"], f["status"], f["contract_revisions"]) for f in found] == [
        ("migrate", "started", ["0010"]),
        ("migrate", "done", []),
        ("smoke", "inconclusive", []),
    ]
    assert found[0]["details"] == {"from": "0009"}


def test_no_step_begins_in_a_deployment_that_is_over(db: Connection) -> None:
    name = release(db, "2", "failed")
    with raises(db, "KD208"):
        step(db, name)
    step(db, name, status="failed")


def test_unknown_deployments(db: Connection) -> None:
    with raises(db, "KD201"):
        step(db, "'; --")


@pytest.mark.parametrize(
    ("given", "argument"),
    [
        ({"name": "Migrate"}, "p_step"),
        ({"name": "x'; --"}, "p_step"),
        ({"name": None}, "p_step"),
        ({"status": "skipped"}, "p_status"),
        ({"status": None}, "p_status"),
        ({"details": [1]}, "p_details"),
        ({"details": {"x": "y" * 70_000}}, "p_details"),
        ({"contract": ["x" * 101]}, "p_contract_revisions"),
        ({"contract": [""]}, "p_contract_revisions"),
        ({"contract": [None]}, "p_contract_revisions"),
    ],
    ids=str,
)
def test_refuses(db: Connection, given: dict[str, object], argument: str) -> None:
    name = release(db, "2", "deploying")
    with raises(db, "KD004") as caught:
        step(db, name, **given)  # type: ignore[arg-type]
    assert caught.detail["argument"] == argument


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_is_the_services(db: Connection, role: str) -> None:
    name = release(db, "2", "deploying")
    become(db, role)
    with raises(db, "42501"):
        step(db, name)
    with raises(db, "42501"):
        rows(db, "select * from dbkit.get_deployment_steps(%s)", name)


# --- what a rollback then may not do ---------------------------------------------------------


def test_never_past_a_contract_migration(db: Connection) -> None:
    release(db, "1")
    name = release(db, "2", "deploying")
    step(db, name, contract=["0012", "0011"])
    before = logged(db, name)
    with raises(db, "KD206") as caught:
        row(db, ROLLBACK, name)
    assert caught.detail["contract_revisions"] == ["0011", "0012"]
    assert logged(db, name) == before


def test_also_not_past_one_of_a_deploy_between_or_of_the_other_environment(db: Connection) -> None:
    release(db, "1")
    between = release(db, "2", "deploying", environment="staging")
    step(db, between, contract=["0011"])
    name = release(db, "3", "failed", smoke=False)
    with raises(db, "KD206"):
        row(db, ROLLBACK, name)


def test_to_one_behind_the_contract_migration(db: Connection) -> None:
    """The release that ran it, and what came after it, work with the schema of today."""
    release(db, "1")
    ran_it = release(db, "2", "deploying")
    step(db, ran_it, contract=["0011"])
    row(db, "select * from dbkit.update_deployment_status(%s, 'success', true)", ran_it)
    name = release(db, "3", "failed", smoke=False)
    assert row(db, ROLLBACK, name)["target_deployment_id"] == ran_it


def test_an_expanding_migration_is_no_hindrance(db: Connection) -> None:
    first = release(db, "1")
    name = release(db, "2", "deploying")
    step(db, name)
    assert row(db, ROLLBACK, name)["target_deployment_id"] == first


def test_never_a_chain_of_rollbacks(db: Connection) -> None:
    release(db, "1")
    second = release(db, "2", "failed", smoke=False)
    done = row(db, ROLLBACK, second)["deployment_id"]
    status = "select * from dbkit.update_deployment_status(%s, %s, %s)"
    row(db, status, done, "failed", False)
    third = release(db, "3", "failed", smoke=False)
    with raises(db, "KD207") as caught:
        row(db, ROLLBACK, third)
    assert caught.detail["failed_rollback"] == done
    fourth = release(db, "4")
    fifth = release(db, "5", "failed", smoke=False)
    assert row(db, ROLLBACK, fifth)["target_deployment_id"] == fourth


def test_a_failed_rollback_of_another_environment_is_no_hindrance(db: Connection) -> None:
    release(db, "1", environment="staging")
    second = release(db, "2", "failed", environment="staging")
    done = row(db, ROLLBACK, second)["deployment_id"]
    row(db, "select * from dbkit.update_deployment_status(%s, 'failed')", done)
    first = release(db, "1")
    other = release(db, "2", "failed")
    assert row(db, ROLLBACK, other)["target_deployment_id"] == first
