"""What the tests of metrics share: events at a time, rolling up, and recomputing."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.helpers import Connection, one, rows

RECORD = "select dbkit.record_metric(%s, %s::jsonb, %s, %s::timestamptz)"
INGEST = "select dbkit.ingest_metrics(%s::jsonb)"
WHOLE = (
    "samples, failures, measured, zeros, total, least_value, greatest_value, first_index, histogram"
)


def today() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def add_days(conn: Connection, days: int) -> None:
    """Partitions for days gone by, which a new database does not have."""
    first = str(today() - timedelta(days))
    with conn.transaction():
        conn.execute("select set_config('dbkit.clock', %s, true)", [first])
        conn.execute("select dbkit._make_day_partitions('dbkit.runtime_metrics', %s)", [days])
        conn.execute("select set_config('dbkit.clock', '', true)")


def drop_days(conn: Connection) -> None:
    """As where nobody has made partitions for two weeks."""
    days = rows(
        conn,
        "select inhrelid::regclass::text as name from pg_inherits"
        " where inhparent = 'dbkit.runtime_metrics'::regclass",
    )
    for day in days:
        conn.execute(f"drop table {day['name']}".encode())
    one(conn, "select dbkit._generate_metric_runway() is null")


def record(
    conn: Connection,
    event_type: str,
    data: dict[str, Any] | None = None,
    at: datetime | None = None,
    session: str | None = None,
) -> int:
    return int(one(conn, RECORD, event_type, json.dumps(data or {}), session, at))


def latency(
    conn: Connection,
    ms: float,
    at: datetime | None = None,
    endpoint: str = "/orders",
    status: int = 200,
) -> int:
    data = {"endpoint": endpoint, "latency_ms": ms, "status": status}
    return record(conn, "api_latency", data, at)


def ingest(conn: Connection, *events: Any) -> dict[str, Any]:
    answer: dict[str, Any] = one(conn, INGEST, json.dumps(events))
    return answer


def page(name: str = "/menu", /, **more: Any) -> dict[str, Any]:
    return {"event_type": "page_view", "event_data": {"page": name, **more}}


def roll_up(conn: Connection) -> dict[str, Any]:
    """Until nothing is left to do."""
    while True:
        answer: dict[str, Any] = one(conn, "select dbkit.rollup_metrics(100000)")
        if not answer["more"]:
            return answer


def differences(conn: Connection) -> list[dict[str, Any]]:
    """Roll-ups of whole buckets without a mark that are not what their events say, or missing."""
    return rows(
        conn,
        f"""
        with made as (
          select a.level, a.event_type, a.bucket, a.series, a.organization_id, {WHOLE}
          from dbkit.metric_event_types t
          cross join unnest(array[60, 3600, 86400]) as l (level)
          cross join lateral
            dbkit._aggregate_metrics(l.level, t.event_type, '-infinity', 'infinity') a
        ),
        kept as (
          select r.level, r.event_type, r.bucket, r.series, r.organization_id, {WHOLE}
          from dbkit.metric_rollups r
        ),
        unlike as ((table made except table kept) union all (table kept except table made))
        select u.* from unlike u
        where u.bucket + u.level * interval '1 second' <=
            (select rolled_until from dbkit.metric_rollup_state)
          and not exists (
            select from dbkit.metric_rollup_dirty d
            where d.minute >= u.bucket and d.minute < u.bucket + u.level * interval '1 second')
          and (u.level > 60 or u.bucket >= (select minutes_from from dbkit.metric_rollup_state))
        """,
    )
