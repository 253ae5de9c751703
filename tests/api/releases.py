"""Consumers in and out of a share, and the requests that a gateway would log for them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from tests.helpers import Connection, freeze_clock, one, rows

START = datetime.fromisoformat("2026-06-01T12:00:00+00:00")
BEGIN = "select dbkit.begin_release(%s, %s, p_steps => %s::numeric[], p_max_minutes => %s)"


def at(conn: Connection, seconds: float) -> None:
    """The clock, so many seconds after the release has begun."""
    freeze_clock(conn, (START + timedelta(seconds=seconds)).isoformat())


def begin(
    conn: Connection, share: float = 5, steps: Iterable[float] = (), minutes: int = 60
) -> Any:
    at(conn, 0)
    return one(conn, BEGIN, "v3", share, list(steps), minutes)


def clients(conn: Connection, count: int = 2000) -> dict[str, float]:
    """Names of consumers, with the bucket of each for v3."""
    found = rows(
        conn,
        "select 'web_' || n as name, dbkit._release_bucket('v3', 'web_' || n)::float8 as bucket"
        " from generate_series(1, %s) n",
        count,
    )
    return {each["name"]: each["bucket"] for each in found}


def log(
    conn: Connection, names: Iterable[str], failed: Callable[[str], bool], **more: object
) -> int:
    """One request of each consumer."""
    entries = [
        {
            "name": "get_features",
            "client_id": name,
            "status_code": 500 if failed(name) else 200,
            "duration_ms": 3,
        }
        | more
        for name in names
    ]
    found: int = one(conn, "select dbkit.log_api_requests(%s)", json.dumps(entries))
    return found


def evaluate(conn: Connection) -> Any:
    return one(conn, "select dbkit.evaluate_releases()")


def status(conn: Connection) -> Any:
    return one(conn, "select dbkit.get_release_status()")


def version_of(conn: Connection, name: str | None) -> str:
    """The version that a consumer is served."""
    conn.execute("select dbkit.set_request_context(%s)", [json.dumps({"client_id": name})])
    found = one(conn, "select dbkit.route_api_call('get_features') -> 'meta' ->> 'version'")
    conn.execute("select dbkit.set_request_context('{}')")
    return str(found)


def actions(conn: Connection) -> list[str]:
    """What the audit says of releases, in order."""
    found = rows(
        conn,
        "select details ->> 'action' as action from dbkit.deployment_log"
        " where details ? 'release_id' order by id",
    )
    return [each["action"] for each in found]
