"""Alerts with notices to claim."""

from __future__ import annotations

from typing import Any

from tests.alerts.parts import channel, rule, say, tick
from tests.helpers import Connection, one, rows

CLAIM = "select * from dbkit.claim_alert_notifications(%s, %s, %s)"


def queued(conn: Connection, *names: str, kind: str = "other", rules: int = 1) -> None:
    """Channels of these names, rules that tell all of them, and their alerts."""
    for name in names:
        channel(conn, name, kind, url=f"json://{name}.example.org/secret-token")
    for number in range(rules):
        rule(conn, f"X{number}", channels=list(names))
    say(conn, 0, 9)
    tick(conn, 0)


def claim(
    conn: Connection, worker: str = "w", limit: int = 10, seconds: int = 60
) -> list[dict[str, Any]]:
    return rows(conn, CLAIM, worker, limit, seconds)


def settle(conn: Connection, claimed: dict[str, Any], error: str | None = None) -> dict[str, Any]:
    statement = "select dbkit.settle_alert_notification(%s, %s, %s)"
    return dict(one(conn, statement, claimed["notification_id"], claimed["token"], error))
