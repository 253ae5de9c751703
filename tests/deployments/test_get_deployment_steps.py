"""dbkit.get_deployment_steps; its order is proven in test_log_deployment_step.py."""

from __future__ import annotations

from tests.deployments.releases import release
from tests.helpers import Connection, become, one, rows


def test_of_one_deployment_alone(db: Connection) -> None:
    for version in ("1", "2"):
        name = release(db, version, "deploying")
        one(db, "select dbkit.log_deployment_step(%s, 'switch', 'started')", name)
    become(db, "service_role")
    assert len(rows(db, "select * from dbkit.get_deployment_steps(%s)", name)) == 1
    assert rows(db, "select * from dbkit.get_deployment_steps('none')") == []
    assert rows(db, "select * from dbkit.get_deployment_steps(null)") == []
