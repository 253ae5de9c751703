"""dbkit.get_platform_figures."""

from __future__ import annotations

from typing import Any

from tests.helpers import Connection, become, raises, rows
from tests.metrics.parts import ingest, latency, roll_up

FIGURES = "select * from dbkit.get_platform_figures()"


def figures(conn: Connection) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for each in rows(conn, FIGURES):
        found.setdefault(each["figure"], []).append(each)
    return found


def test_tells_connections_storage_queues_and_lags(db: Connection) -> None:
    latency(db, 5)
    roll_up(db)
    ingest(db, 7)
    db.execute("select dbkit.ensure_metric_partitions(), dbkit.ensure_request_log_partitions()")
    found = figures(db)
    assert found["connections"][0]["value"] >= 1
    assert found["connections_max"][0]["value"] > 1
    assert found["database_bytes"][0]["value"] > 1e6
    runway = {f["labels"]["table"]: f["value"] for f in found["partition_runway_days"]}
    assert all(14 < runway[table] <= 15 for table in ("runtime_metrics", "api_request_log"))
    assert 10 <= found["metrics_rollup_lag_seconds"][0]["value"] < 60
    dropped = found["metrics_dropped_total"][0]
    assert (dropped["labels"], dropped["value"]) == ({"reason": "malformed"}, 1)
    for name in ("dead_letters_open", "webhooks_overdue_seconds", "events_newest_position"):
        assert found[name][0]["value"] == 0
    assert {f["value"] for f in found["figures_failed"]} == {0}
    assert all(f["help"] and isinstance(f["labels"], dict) for fs in found.values() for f in fs)


def test_one_that_fails_hides_no_other(db: Connection) -> None:
    db.execute(
        "create schema mine; create function mine.broken() returns table (a text, b jsonb,"
        " c float8, d text) language plpgsql as $$ begin return query select 'one', '{}'::jsonb,"
        " 1.0::float8, 'x'; perform 1 / 0; end $$;"
        "create function mine.gone() returns table (a text, b jsonb, c float8, d text)"
        " language sql as $$ select 'x', '{}'::jsonb, 1.0::float8, 'x' $$;"
        "grant usage on schema mine to service_role;"
        "grant execute on all functions in schema mine to service_role;"
        "select dbkit.register_platform_figures('broken', 'mine.broken()');"
        "select dbkit.register_platform_figures('gone', 'mine.gone()'); drop function mine.gone()"
    )
    failed = {f["labels"]["figures"]: f["value"] for f in figures(db)["figures_failed"]}
    assert failed == {"broken": 1, "core": 0, "events": 0, "gone": 1, "metrics": 0}


def test_registered_functions_have_the_rights_of_who_asks(db: Connection) -> None:
    db.execute(
        "create schema mine; grant usage on schema mine to service_role;"
        "create function mine.nosy() returns table (a text, b jsonb, c float8, d text)"
        " language sql as $$ select 'nosy', '{}'::jsonb, count(*)::float8, current_user::text"
        " from dbkit.runtime_metrics $$;"
        "grant execute on function mine.nosy() to service_role;"
        "select dbkit.register_platform_figures('nosy', 'mine.nosy()')"
    )
    become(db, "service_role")
    assert figures(db)["nosy"][0]["help"] == "service_role"


def test_is_for_operators(db: Connection) -> None:
    for role in ("anon", "authenticated"):
        become(db, role)
        with raises(db, "42501"):
            rows(db, FIGURES)
        db.execute("reset role")
