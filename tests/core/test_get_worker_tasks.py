"""The list of tasks; those that dbkit brings are there, and each of them runs."""

from __future__ import annotations

from tests.helpers import Connection, become, one, raises, rows


def test_every_task_that_dbkit_brings_runs(db: Connection) -> None:
    become(db, "service_role")
    names = [f["task"] for f in rows(db, "select * from dbkit.get_worker_tasks()")]
    assert {
        "ensure_request_log_partitions",
        "expire_idempotency_keys",
        "rollup_api_version_usage",
    } <= set(names)
    assert names == sorted(names)
    for name in names:
        answer = one(db, "select dbkit.run_worker_task(%s)", name)
        assert answer["ran"] and answer["error"] is None, (name, answer)


def test_needs_service_role(db: Connection) -> None:
    become(db, "authenticated")
    with raises(db, "42501"):
        rows(db, "select * from dbkit.get_worker_tasks()")
