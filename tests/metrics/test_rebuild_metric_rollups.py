"""dbkit.rebuild_metric_rollups."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.helpers import Connection, become, one, raises
from tests.metrics.parts import add_days, differences, latency, roll_up, today

REBUILD = "select dbkit.rebuild_metric_rollups(%s, %s)"
LOAD = """
  insert into dbkit.runtime_metrics (created_at, event_type, event_data)
  select %s::timestamptz + n * interval '1 minute', 'api_latency', '{"latency_ms": 7}'
  from generate_series(1, 100) n
"""


def test_heals_what_a_bulk_load_bypassed(db: Connection) -> None:
    add_days(db, 2)
    at = today() - timedelta(days=2)
    latency(db, 5, at)
    roll_up(db)
    db.execute(LOAD, [at])
    assert one(db, REBUILD, at, at + timedelta(hours=1)) == 60
    assert one(db, REBUILD, at + timedelta(hours=1), at + timedelta(days=1)) == 41
    roll_up(db)
    assert differences(db) == []


def test_what_was_never_rolled_up_needs_none(db: Connection) -> None:
    add_days(db, 2)
    at = today() - timedelta(days=2)
    db.execute(LOAD, [at])
    assert one(db, REBUILD, at, at + timedelta(days=1)) == 0
    roll_up(db)
    assert differences(db) == []


@pytest.mark.parametrize("hours", [0, -1, 24 * 401])
def test_refuses_a_while_that_is_none(db: Connection, hours: int) -> None:
    with raises(db, "KD004"):
        one(db, REBUILD, today(), today() + timedelta(hours=hours))
    nothing: datetime | None = None
    with raises(db, "KD004"):
        one(db, REBUILD, nothing, today())


def test_is_for_the_service(db: Connection) -> None:
    become(db, "anon")
    with raises(db, "42501"):
        one(db, REBUILD, today(), today() + timedelta(hours=1))
