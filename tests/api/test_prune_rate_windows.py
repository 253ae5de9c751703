"""dbkit.prune_rate_windows: counters whose window is over are forgotten."""

from __future__ import annotations

import pytest

from tests.api.test_lease_rate_limit import entry, granted, lease
from tests.helpers import Connection, become, connect, freeze_clock, one, raises

PRUNE = "select dbkit.prune_rate_windows()"


def test_forgets_what_is_over(db: Connection) -> None:
    freeze_clock(db, "2026-01-01T00:00:00Z")
    become(db, "service_role")
    lease(db, entry("key:1"), entry("key:2"), entry("key:1", window_seconds=3600))
    assert one(db, PRUNE) == 0
    freeze_clock(db, "2026-01-01T00:01:01Z")
    lease(db, entry("key:2"))
    assert one(db, PRUNE) == 1
    assert granted(db, entry("key:2", want=25)) == [15]
    assert granted(db, entry("key:1", window_seconds=3600, want=25)) == [15]


def test_passes_over_what_is_in_use(database: str) -> None:
    with connect(database, autocommit=True) as conn, connect(database) as other:
        for each in (conn, other):
            each.execute("set dbkit.clock = '2026-01-01T00:00:00Z'")
        lease(conn, entry("key:1"), entry("key:2"))
        lease(other, entry("key:1"))
        conn.execute("set dbkit.clock = '2026-01-02T00:00:00Z'")
        assert one(conn, PRUNE) == 1


def test_is_a_task_of_workers(db: Connection) -> None:
    known = "select count(*) from dbkit.worker_tasks where task = 'prune_rate_windows'"
    assert one(db, known) == 1


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_is_for_services(db: Connection, role: str) -> None:
    become(db, role)
    with raises(db, "42501"):
        one(db, PRUNE)
