from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import psycopg
import pytest

from tests.deployments.releases import logged, release
from tests.helpers import Connection, become, connect, freeze_clock, one, raises, row

STATUSES = ("deploying", "success", "failed", "rolled_back")
ALLOWED = {
    ("deploying", "success"),
    ("deploying", "failed"),
    ("deploying", "rolled_back"),
    ("success", "rolled_back"),
    ("failed", "rolled_back"),
}
UPDATE = "select * from dbkit.update_deployment_status(%s, %s)"


@pytest.mark.parametrize(
    ("before", "after"), [(before, after) for before in STATUSES for after in STATUSES]
)
def test_allows_the_declared_changes_and_no_other(db: Connection, before: str, after: str) -> None:
    name = release(db, "1.4.0", before)
    if (before, after) in ALLOWED:
        assert row(db, UPDATE, name, after)["status"] == after
        assert logged(db, name)["status"] == after
    else:
        with raises(db, "KD203") as caught:
            row(db, UPDATE, name, after)
        assert (caught.detail["from"], caught.detail["to"]) == (before, after)
        assert set(caught.detail["allowed"]) == {to for at, to in ALLOWED if at == before}
        assert logged(db, name)["status"] == before


def test_a_rollback_ends_and_is_never_rolled_back(db: Connection) -> None:
    release(db, "1.3.0")
    name = one(
        db, "select deployment_id from dbkit.log_rollback(%s, 'broken')", release(db, "1.4.0")
    )
    with raises(db, "KD203"):
        row(db, UPDATE, name, "rolled_back")
    assert row(db, UPDATE, name, "success")["kind"] == "rollback"
    with raises(db, "KD203") as caught:
        row(db, UPDATE, name, "rolled_back")
    assert caught.detail["allowed"] == []


def test_an_api_switch_can_be_marked_rolled_back(db: Connection) -> None:
    name = one(db, "select dbkit._log_api_switch('v3', '{}')")
    assert row(db, UPDATE, name, "rolled_back")["kind"] == "api_switch"


def test_notes_smoke_tests_and_keeps_them_when_nothing_is_said(db: Connection) -> None:
    name = release(db, "1.4.0", "deploying")
    found = row(db, "select * from dbkit.update_deployment_status(%s, 'success', true)", name)
    assert found["smoke_test_passed"] is True
    assert row(db, UPDATE, name, "rolled_back")["smoke_test_passed"] is True


def test_completes_once(db: Connection) -> None:
    name = release(db, "1.4.0", "deploying")
    freeze_clock(db, "2026-01-01T12:00:00Z")
    first = row(db, UPDATE, name, "success")["completed_at"]
    freeze_clock(db, "2026-01-02T12:00:00Z")
    assert row(db, UPDATE, name, "rolled_back")["completed_at"] == first
    assert first.isoformat().startswith("2026-01-01")


@pytest.mark.parametrize("status", [None, "done", "SUCCESS", ""])
def test_rejects_an_unknown_status(db: Connection, status: str | None) -> None:
    name = release(db, "1.4.0", "deploying")
    with raises(db, "KD004") as caught:
        row(db, UPDATE, name, status)
    assert caught.detail["argument"] == "p_status"


@pytest.mark.parametrize("name", [None, "nobody"])
def test_rejects_an_unknown_deployment(db: Connection, name: str | None) -> None:
    with raises(db, "KD201") as caught:
        row(db, UPDATE, name, "success")
    assert caught.detail == {"deployment_id": name}


def test_touches_only_the_named_row(db: Connection) -> None:
    other = release(db, "1.3.0", "deploying")
    row(db, UPDATE, release(db, "1.4.0", "deploying"), "failed")
    assert logged(db, other)["status"] == "deploying"


@pytest.mark.parametrize("role", ["service_role", "super_admin"])
def test_service_and_super_admin_may_report(db: Connection, role: str) -> None:
    name = release(db, "1.4.0", "deploying")
    become(db, role)
    assert row(db, UPDATE, name, "success")["status"] == "success"


def test_of_sixteen_reporters_exactly_one_wins(database: str) -> None:
    with connect(database) as conn:
        name = release(conn, "1.4.0", "deploying")
    start = Barrier(16)

    def report(number: int) -> str:
        with connect(database) as conn:
            start.wait()
            try:
                return str(row(conn, UPDATE, name, ("success", "failed")[number % 2])["status"])
            except psycopg.Error as error:
                return error.sqlstate or ""

    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(report, range(16)))
    won = [outcome for outcome in outcomes if outcome != "KD203"]
    assert len(won) == 1
    with connect(database) as conn:
        assert logged(conn, name)["status"] == won[0]
