"""The log's own rules, whoever writes, and that it stays as it was written."""

from __future__ import annotations

import pytest

from tests.deployments.releases import release
from tests.helpers import Connection, become, one, raises, rows

SOUND = {
    "deployment_id": "'d1'",
    "kind": "'release'",
    "environment": "'production'",
    "version": "'1.0.0'",
    "commit_sha": "'abc1234'",
    "deployed_by": "'ci'",
    "deployed_at": "now()",
    "completed_at": "now()",
    "status": "'success'",
    "smoke_test_passed": "true",
    "rollback_target_id": "null",
    "details": "'{}'",
}


def _insert(conn: Connection, **changed: str) -> None:
    values = SOUND | changed
    conn.execute(
        f"insert into dbkit.deployment_log ({', '.join(values)}) "
        f"values ({', '.join(values.values())})"
    )


def test_takes_a_sound_row(db: Connection) -> None:
    _insert(db)
    assert one(db, "select count(*) from dbkit.deployment_log") == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"deployment_id": "'-'"},
        {"deployment_id": "'a b'"},
        {"kind": "'restart'"},
        {"environment": "'test'"},
        {"version": "'1 0'"},
        {"commit_sha": "'HEAD'"},
        {"status": "'done'"},
        {"details": "'[]'"},
        {"completed_at": "null"},
        {"status": "'deploying'"},
        {"kind": "'rollback'"},
    ],
    ids=lambda c: "-".join(c) + "-" + str(next(iter(c.values()))),
)
def test_rejects_a_row_that_breaks_a_check(db: Connection, changed: dict[str, str]) -> None:
    with raises(db, "23514"):
        _insert(db, **changed)


def test_rejects_a_release_with_a_rollback_target(db: Connection) -> None:
    _insert(db)
    newest = one(db, "select max(id) from dbkit.deployment_log")
    with raises(db, "23514"):
        _insert(db, deployment_id="'d2'", rollback_target_id=str(newest))


def test_rejects_a_rollback_to_a_later_row(db: Connection) -> None:
    with raises(db, "23514"):
        _insert(db, kind="'rollback'", rollback_target_id="9223372036854775807")


def test_rejects_a_second_row_of_one_deployment_id(db: Connection) -> None:
    _insert(db)
    with raises(db, "23505"):
        _insert(db)


@pytest.mark.parametrize("role", ["service_role", "super_admin"])
@pytest.mark.parametrize(
    "statement",
    [
        "insert into dbkit.deployment_log default values",
        "update dbkit.deployment_log set status = 'success'",
        "delete from dbkit.deployment_log",
        "truncate dbkit.deployment_log",
    ],
)
def test_only_functions_write_the_log(db: Connection, role: str, statement: str) -> None:
    release(db, "1.0.0")
    become(db, role)
    with raises(db, "42501"):
        db.execute(statement.encode())
    assert one(db, "select count(*) from dbkit.deployment_log") == 1


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_clients_cannot_read_the_log(db: Connection, role: str) -> None:
    become(db, role)
    with raises(db, "42501"):
        rows(db, "select * from dbkit.deployment_log")


def test_the_newest_success_is_found_by_its_index(db: Connection) -> None:
    db.execute("set local enable_seqscan = off")
    plan = rows(
        db,
        """
        explain select * from dbkit.deployment_log
        where environment = 'production' and kind = 'release' and status = 'success'
          and smoke_test_passed
        order by deployed_at desc, id desc limit 1
        """,
    )
    text = "\n".join(line["QUERY PLAN"] for line in plan)
    assert "idx_deployment_log_last_success" in text
    assert "Sort" not in text
