"""Releases in a given state, made through the functions as a deploy command would."""

from __future__ import annotations

from typing import Any

from tests.helpers import Connection, one, row


def release(
    conn: Connection,
    version: str,
    status: str = "success",
    *,
    smoke: bool | None = True,
    environment: str = "production",
) -> str:
    """Log a release that has this status; its deployment_id is `<version>:<environment>`."""
    name = f"{version}:{environment}"
    one(
        conn,
        "select dbkit.log_deployment(%s, %s, 'abc1234', %s)",
        version,
        environment,
        name,
    )
    if status != "deploying":
        row(conn, "select * from dbkit.update_deployment_status(%s, %s, %s)", name, status, smoke)
    return name


def logged(conn: Connection, deployment_id: str) -> dict[str, Any]:
    """The row of a deployment."""
    return row(conn, "select * from dbkit.deployment_log where deployment_id = %s", deployment_id)
