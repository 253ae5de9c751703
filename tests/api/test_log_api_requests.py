"""The request log, written in batches by whoever holds the outcome."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.conftest import in_parallel, outcome
from tests.helpers import (
    Connection,
    become,
    connect,
    freeze_clock,
    one,
    raises,
    row,
    rows,
    unbecome,
)

LOG = "select dbkit.log_api_requests(%s)"


def entry(**more: Any) -> dict[str, Any]:
    return {"name": "x", "status_code": 200, "duration_ms": 1.5, **more}


def log(conn: Connection, *entries: Any) -> int:
    found: int = one(conn, LOG, json.dumps(entries))
    return found


def test_every_column_arrives(db: Connection) -> None:
    freeze_clock(db, "2026-01-01T00:00:00Z")
    given = entry(
        request_id="r",
        requested_version="v3",
        served_version="v2",
        fallback=True,
        error_code="KD105",
        caller_role="anon",
        app_name="web",
        app_version="1.2.0",
        client_id="c",
        user_id="u",
        organization_id="o",
        region="eu-west-1",
        ip_address="2001:db8::1",
        ip_hash="5f0c",
        user_agent="agent",
    )
    assert log(db, given) == 1
    found = row(db, "select * from dbkit.api_request_log")
    assert found.pop("logged_at").isoformat() == "2026-01-01T00:00:00+00:00"
    assert found.pop("id")
    assert str(found.pop("ip_address")) == given.pop("ip_address")
    assert float(found.pop("duration_ms")) == given.pop("duration_ms")
    assert found == given


def test_many_at_once_and_none(db: Connection) -> None:
    assert log(db) == 0
    assert log(db, *[entry(client_id=str(n)) for n in range(1000)]) == 1000
    assert one(db, "select count(distinct client_id) from dbkit.api_request_log") == 1000


def test_defaults(db: Connection) -> None:
    become(db, "service_role")
    log(db, entry(user_agent="a" * 900, fallback=None))
    unbecome(db)
    found = row(db, "select * from dbkit.api_request_log")
    assert (found["caller_role"], found["fallback"]) == ("service_role", False)
    assert len(found["user_agent"]) == 500


@pytest.mark.parametrize(
    "entries",
    [
        '{"name": "x"}',
        '"text"',
        "null",
        None,
        "[1]",
        "[null]",
        "[[]]",
        '["x"]',
        '[{"name": "x", "status_code": 200, "duration_ms": 1, "logged_at": "2026-01-01"}]',
        '[{"id": 5}]',
        '[{"Name": "x"}]',
    ],
)
def test_refuses_other_shapes_and_unknown_keys(db: Connection, entries: str | None) -> None:
    with raises(db, "KD004") as caught:
        one(db, LOG, entries)
    assert caught.detail
    assert one(db, "select count(*) from dbkit.api_request_log") == 0


def test_refuses_too_many(db: Connection) -> None:
    with raises(db, "KD004"):
        one(
            db,
            "select dbkit.log_api_requests(jsonb_agg('{}'::jsonb)) from generate_series(1, 10001)",
        )


@pytest.mark.parametrize(
    "bad",
    [
        {"status_code": 99},
        {"status_code": 600},
        {"duration_ms": -1},
        {"duration_ms": "NaN"},
        {"duration_ms": None},
        {"name": None},
        {"status_code": "ok"},
        {"duration_ms": 1e12},
        {"ip_address": "nowhere"},
    ],
)
def test_all_or_none(db: Connection, bad: dict[str, Any]) -> None:
    with raises(db, "KD004") as caught:
        log(db, entry(), entry(**bad))
    assert caught.detail["sqlstate"][:2] in ("22", "23")
    assert one(db, "select count(*) from dbkit.api_request_log") == 0


def partitions(conn: Connection) -> list[str]:
    found = rows(
        conn,
        "select inhrelid::regclass::text as name from pg_inherits"
        " where inhparent = 'dbkit.api_request_log'::regclass order by 1",
    )
    return [f["name"].removeprefix("dbkit.") for f in found]


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland", "America/Los_Angeles"])
def test_a_missing_day_is_made_on_demand(db: Connection, zone: str) -> None:
    db.execute("select set_config('timezone', %s, true)", [zone])
    become(db, "service_role")
    for at in ("2031-03-09T00:00:00Z", "2031-03-09T23:59:59.999999Z"):
        freeze_clock(db, at)
        assert log(db, entry()) == 1
    made = [p for p in partitions(db) if "2031" in p]
    assert made == ["api_request_log_20310309", "api_request_log_20310310"]
    unbecome(db)
    found = rows(db, "select tableoid::regclass::text as t from dbkit.api_request_log")
    assert {f["t"].removeprefix("dbkit.") for f in found} == {"api_request_log_20310309"}


def test_many_writers_meet_a_missing_day_together(database: str) -> None:
    with connect(database, autocommit=True) as conn:
        names = partitions(conn)
        for name in names:
            conn.execute(f"drop table dbkit.{name}".encode())
    got = in_parallel(16, lambda n: outcome(database, lambda c: log(c, entry(), entry())))
    assert got == [2] * 16
    with connect(database) as conn:
        assert one(conn, "select count(*) from dbkit.api_request_log") == 32
        assert len(partitions(conn)) == 2


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_needs_service_role(db: Connection, role: str) -> None:
    become(db, role)
    with raises(db, "42501"):
        log(db, entry())
    with raises(db, "42501"):
        one(db, "select dbkit._append_request_log('[]')")
    with raises(db, "42501"):
        db.execute(
            "insert into dbkit.api_request_log (name, status_code, duration_ms) values ('',200,1)"
        )
    with raises(db, "42501"):
        one(db, "select count(*) from dbkit.api_request_log")


def test_a_partition_cannot_be_read_around_its_parent(db: Connection) -> None:
    log(db, entry())
    name = next(p for p in partitions(db))
    become(db, "authenticated")
    with raises(db, "42501"):
        one(db, f"select count(*) from dbkit.{name}")
