"""A deploy is told as a metric, and never stopped by one."""

from __future__ import annotations

from tests.deployments.releases import logged, release
from tests.helpers import Connection, one, row, rows

FAKE = """
create function dbkit.record_metric(
  p_event_type text, p_event_data jsonb default '{}', p_session_id text default null,
  p_created_at timestamptz default null) returns bigint
language plpgsql as $$ begin {body} end $$"""


def instead(conn: Connection, body: str) -> None:
    """A recorder of the test's own, whether the module metrics is there or not."""
    conn.execute("drop function if exists dbkit.record_metric(text, jsonb, text, timestamptz)")
    conn.execute("create temporary table told (kind text, data jsonb)")
    conn.execute(FAKE.replace("{body}", body).encode())


def test_beginnings_ends_and_rollbacks_are_told(db: Connection) -> None:
    instead(db, "insert into told values (p_event_type, p_event_data); return 1;")
    release(db, "1")
    name = release(db, "2", "failed", smoke=False)
    row(db, "select * from dbkit.log_rollback(%s, 'broken')", name)
    one(db, "select dbkit.begin_release('v3', 5)")
    one(db, "select dbkit.abort_release()")
    found = rows(db, "select kind, data ->> 'action' as a, data ->> 'status' as s from told")
    assert {f["kind"] for f in found} == {"deployment"}
    assert [(f["a"], f["s"]) for f in found] == [
        ("begun", "deploying"),
        ("ended", "success"),
        ("begun", "deploying"),
        ("ended", "failed"),
        ("rollback", "deploying"),
        ("release_begun", "begun"),
        ("release_aborted", "aborted"),
    ]


def test_a_metric_that_fails_stops_nothing(db: Connection) -> None:
    instead(db, "raise check_violation using message = 'no room';")
    name = release(db, "1")
    assert logged(db, name)["status"] == "success"
    one(db, "select dbkit.begin_release('v3', 5)")
    assert one(db, "select dbkit.abort_release()")["status"] == "aborted"
