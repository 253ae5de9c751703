"""dbkit.deployment_steps: an audit that nobody edits."""

from __future__ import annotations

import pytest

from tests.deployments.releases import release
from tests.helpers import Connection, become, one, raises


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role", "super_admin"])
def test_is_written_by_functions_alone(db: Connection, role: str) -> None:
    name = release(db, "1", "deploying")
    one(db, "select dbkit.log_deployment_step(%s, 'switch', 'started')", name)
    become(db, role)
    for statement in (
        "update dbkit.deployment_steps set status = 'done'",
        "delete from dbkit.deployment_steps",
        "insert into dbkit.deployment_steps (deployment_log_id) values (1)",
    ):
        with raises(db, "42501"):
            db.execute(statement.encode())
