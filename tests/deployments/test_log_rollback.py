from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import psycopg
import pytest

from tests.deployments.releases import logged, release
from tests.helpers import Connection, become, connect, freeze_clock, one, raises, row, rows


def _roll_back(conn: Connection, name: str, target: str | None = None) -> dict[str, Any]:
    return row(conn, "select * from dbkit.log_rollback(%s, 'errors rose', %s)", name, target)


def test_marks_the_release_and_points_at_the_last_success_before_it(db: Connection) -> None:
    release(db, "1.1.0")
    target = release(db, "1.2.0")
    release(db, "1.3.0", "failed", smoke=False)
    bad = release(db, "1.4.0", "failed", smoke=False)
    found = _roll_back(db, bad)
    name = found.pop("deployment_id")
    assert found == {
        "rolled_back_deployment_id": bad,
        "environment": "production",
        "target_deployment_id": target,
        "target_version": "1.2.0",
        "target_commit_sha": "abc1234",
    }
    assert logged(db, bad)["status"] == "rolled_back"
    rollback = logged(db, name)
    assert rollback["rollback_target_id"] == logged(db, target)["id"]
    assert (rollback["kind"], rollback["status"]) == ("rollback", "deploying")
    assert (rollback["version"], rollback["environment"]) == ("1.2.0", "production")
    assert rollback["details"] == {"reason": "errors rose", "rolled_back_deployment_id": bad}


def test_leaves_the_target_as_it_was(db: Connection) -> None:
    target = release(db, "1.2.0")
    before = logged(db, target)
    _roll_back(db, release(db, "1.3.0"))
    assert logged(db, target) == before


def test_completes_a_release_that_was_still_deploying(db: Connection) -> None:
    release(db, "1.2.0")
    bad = release(db, "1.3.0", "deploying")
    freeze_clock(db, "2030-01-01T12:00:00Z")
    _roll_back(db, bad)
    assert logged(db, bad)["completed_at"].year == 2030


def test_keeps_when_a_release_was_completed(db: Connection) -> None:
    release(db, "1.2.0")
    bad = release(db, "1.3.0")
    before = logged(db, bad)["completed_at"]
    freeze_clock(db, "2030-01-01T12:00:00Z")
    _roll_back(db, bad)
    assert logged(db, bad)["completed_at"] == before


def test_goes_to_the_given_target(db: Connection) -> None:
    older = release(db, "1.1.0")
    release(db, "1.2.0")
    assert _roll_back(db, release(db, "1.3.0"), older)["target_version"] == "1.1.0"


def test_a_second_step_back_points_at_a_release_not_at_the_first_step(db: Connection) -> None:
    oldest = release(db, "1.1.0")
    middle = release(db, "1.2.0")
    first = _roll_back(db, release(db, "1.3.0"))
    row(
        db,
        "select * from dbkit.update_deployment_status(%s, 'success', true)",
        first["deployment_id"],
    )
    second = _roll_back(db, middle)
    assert first["target_deployment_id"] == middle
    assert second["target_deployment_id"] == oldest
    assert (
        rows(
            db,
            """
        select target.kind
        from dbkit.deployment_log d
        join dbkit.deployment_log target on target.id = d.rollback_target_id
        """,
        )
        == [{"kind": "release"}] * 2
    )


@pytest.mark.parametrize(
    ("status", "smoke"),
    [
        ("deploying", None),
        ("failed", True),
        ("rolled_back", True),
        ("success", False),
        ("success", None),
    ],
)
def test_no_target_without_a_proven_success(
    db: Connection, status: str, smoke: bool | None
) -> None:
    unfit = release(db, "1.2.0", status, smoke=smoke)
    bad = release(db, "1.3.0")
    with raises(db, "KD204"):
        _roll_back(db, bad)
    with raises(db, "KD205") as caught:
        _roll_back(db, bad, unfit)
    assert (caught.detail["status"], caught.detail["smoke_test_passed"]) == (status, smoke)
    assert logged(db, bad)["status"] == "success"
    assert one(db, "select count(*) from dbkit.deployment_log where kind = 'rollback'") == 0


def test_never_goes_forward_to_itself_or_to_another_environment(db: Connection) -> None:
    elsewhere = release(db, "1.2.0", environment="staging")
    bad = release(db, "1.3.0")
    later = release(db, "1.4.0")
    for unfit in (elsewhere, bad, later):
        with raises(db, "KD205"):
            _roll_back(db, bad, unfit)
    with raises(db, "KD204"):
        _roll_back(db, bad)


def test_never_goes_to_a_rollback_or_a_switch(db: Connection) -> None:
    release(db, "1.1.0")
    back = _roll_back(db, release(db, "1.2.0"))["deployment_id"]
    row(db, "select * from dbkit.update_deployment_status(%s, 'success', true)", back)
    switch = one(db, "select dbkit._log_api_switch('v3', '{}')")
    db.execute("update dbkit.deployment_log set smoke_test_passed = true")
    bad = release(db, "1.3.0")
    for unfit, kind in ((back, "rollback"), (switch, "api_switch")):
        with raises(db, "KD205") as caught:
            _roll_back(db, bad, unfit)
        assert caught.detail["kind"] == kind


def test_rolls_back_only_releases(db: Connection) -> None:
    release(db, "1.1.0")
    back = _roll_back(db, release(db, "1.2.0"))["deployment_id"]
    switch = one(db, "select dbkit._log_api_switch('v3', '{}')")
    with raises(db, "KD205") as caught:
        _roll_back(db, back)
    assert caught.hint == ""
    with raises(db, "KD205") as caught:
        _roll_back(db, switch)
    assert "switch_api_version" in caught.hint


def test_rejects_a_second_rollback_of_the_same_release(db: Connection) -> None:
    release(db, "1.1.0")
    bad = release(db, "1.2.0")
    _roll_back(db, bad)
    with raises(db, "KD203"):
        _roll_back(db, bad)


def test_rejects_unknown_deployments(db: Connection) -> None:
    release(db, "1.1.0")
    bad = release(db, "1.2.0")
    with raises(db, "KD201"):
        _roll_back(db, "nobody")
    with raises(db, "KD201") as caught:
        _roll_back(db, bad, "nobody")
    assert caught.detail == {"deployment_id": "nobody"}
    assert logged(db, bad)["status"] == "success"


@pytest.mark.parametrize("reason", [None, "", "   ", "a" * 1001])
def test_needs_a_reason(db: Connection, reason: str | None) -> None:
    release(db, "1.1.0")
    bad = release(db, "1.2.0")
    with raises(db, "KD004") as caught:
        row(db, "select * from dbkit.log_rollback(%s, %s)", bad, reason)
    assert caught.detail["argument"] == "p_reason"


@pytest.mark.parametrize("role", ["service_role", "super_admin"])
def test_notes_the_role_that_asked(db: Connection, role: str) -> None:
    release(db, "1.1.0")
    bad = release(db, "1.2.0")
    become(db, role)
    name = _roll_back(db, bad)["deployment_id"]
    assert logged(db, name)["deployed_by"] == role


def test_a_chain_of_concurrent_rollbacks_never_picks_a_rolled_back_target(database: str) -> None:
    with connect(database) as conn:
        names = [release(conn, f"1.{n}.0") for n in range(16)]
    start = Barrier(16)

    def roll_back(name: str) -> str:
        with connect(database) as conn:
            start.wait()
            try:
                _roll_back(conn, name)
            except psycopg.Error as error:
                return error.sqlstate or ""
            return "done"

    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(roll_back, names))
    assert outcomes == ["KD204"] + ["done"] * 15
    with connect(database) as conn:
        statuses = [logged(conn, name)["status"] for name in names]
    assert statuses == ["success"] + ["rolled_back"] * 15


def test_waits_for_a_target_and_passes_over_it_when_it_falls(database: str) -> None:
    """The candidate is chosen before its lock is there: what it became meanwhile counts."""
    with connect(database) as conn:
        oldest, middle, bad = (release(conn, version) for version in ("1.1.0", "1.2.0", "1.3.0"))
    with connect(database) as first, ThreadPoolExecutor(1) as pool:
        row(first, "select * from dbkit.update_deployment_status(%s, 'rolled_back')", middle)

        def second() -> dict[str, Any]:
            with connect(database) as conn:
                return _roll_back(conn, bad)

        waiting = pool.submit(second)
        with connect(database, autocommit=True) as watcher:
            while not one(
                watcher,
                "select count(*) from pg_stat_activity "
                "where datname = current_database() and wait_event_type = 'Lock'",
            ):
                assert not waiting.done()
        first.commit()
        assert waiting.result(timeout=30)["target_deployment_id"] == oldest
