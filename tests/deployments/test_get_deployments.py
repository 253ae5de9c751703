"""dbkit.get_deployments."""

from __future__ import annotations

import pytest

from tests.deployments.releases import release
from tests.helpers import Connection, become, one, raises, row, rows

LIST = "select * from dbkit.get_deployments(%s, %s, %s)"


def test_newest_first_with_the_last_step(db: Connection) -> None:
    release(db, "1")
    second = release(db, "2", "failed", smoke=False)
    one(db, "select dbkit.log_deployment_step(%s, 'smoke', 'failed')", second)
    row(db, "select * from dbkit.log_rollback(%s, 'broken')", second)
    found = rows(db, LIST, "production", 10, False)
    assert [(f["kind"], f["version"], f["status"]) for f in found] == [
        ("rollback", "1", "deploying"),
        ("release", "2", "rolled_back"),
        ("release", "1", "success"),
    ]
    assert [f["rollback_target"] for f in found] == ["1:production", None, None]
    assert [f["last_step"] for f in found] == [None, "smoke failed", None]
    assert len(rows(db, LIST, None, 1, False)) == 1
    assert [f["kind"] for f in rows(db, LIST, None, 10, True)] == ["rollback"]
    assert rows(db, LIST, "staging", 10, False) == []


@pytest.mark.parametrize(("environment", "limit"), [("moon", 1), (None, 0), (None, 1001)])
def test_refuses(db: Connection, environment: str | None, limit: int) -> None:
    with raises(db, "KD004"):
        rows(db, LIST, environment, limit, False)


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_is_the_services(db: Connection, role: str) -> None:
    become(db, role)
    with raises(db, "42501"):
        rows(db, LIST, None, 1, False)
