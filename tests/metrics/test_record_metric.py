"""dbkit.record_metric."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.helpers import Connection, become, freeze_clock, one, raises, row, unbecome
from tests.metrics.parts import RECORD, record


def test_keeps_what_happened_and_who_was_there(db: Connection) -> None:
    become(db, "authenticated", user_id="u1", organization_id="acme")
    number = one(db, RECORD, "page_view", '{"page": "/menu"}', "s1", None)
    unbecome(db)
    found = row(db, "select * from dbkit.runtime_metrics where id = %s", number)
    assert (found["event_type"], found["session_id"]) == ("page_view", "s1")
    assert (found["user_id"], found["organization_id"]) == ("u1", "acme")
    assert found["event_data"] == {"page": "/menu"}


@pytest.mark.parametrize(
    "event_type",
    [
        "page_view",
        "api_latency",
        "error",
        "user_action",
        "order_event",
        "performance",
        "edge_function",
        "alert_triggered",
        "auto_heal",
        "deployment",
    ],
)
def test_takes_the_ten_documented_types(db: Connection, event_type: str) -> None:
    become(db, "service_role")
    assert one(db, "select dbkit.record_metric(%s)", event_type) > 0


def test_is_undone_with_its_transaction(db: Connection) -> None:
    before = one(db, "select count(*) from dbkit.runtime_metrics")
    db.execute("savepoint s")
    record(db, "auto_heal")
    db.execute("rollback to s")
    assert one(db, "select count(*) from dbkit.runtime_metrics") == before


def test_its_time_is_the_clocks(db: Connection) -> None:
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)
    freeze_clock(db, str(at))
    number = record(db, "error")
    found = one(db, "select created_at from dbkit.runtime_metrics where id = %s", number)
    assert found == at


@pytest.mark.parametrize(
    ("event_type", "data", "session"),
    [
        ("error", "[]", None),
        ("error", '"x"', None),
        ("error", "null", None),
        ("error", None, None),
        ("error", '{"a": "%s"}' % ("x" * 70000), None),
        ("error", "{}", "s" * 201),
        ("api_latency", '{"latency_ms": -1}', None),
        ("api_latency", '{"latency_ms": "5"}', None),
        ("api_latency", '{"latency_ms": null}', None),
        ("api_latency", '{"latency_ms": 1e131071}', None),
        ("api_latency", '{"latency_ms": 1000000000000.0001}', None),
        ("api_latency", '{"latency_ms": []}', None),
        ("api_latency", '{"latency_ms": [5]}', None),
        ("api_latency", '{"latency_ms": {}}', None),
        ("api_latency", '{"latency_ms": true}', None),
    ],
)
def test_refuses_what_is_malformed(
    db: Connection, event_type: str, data: str | None, session: str | None
) -> None:
    with raises(db, "KD701") as caught:
        one(db, RECORD, event_type, data, session, None)
    assert caught.detail["event_type"] == event_type


@pytest.mark.parametrize("value", ["0", "-0", "0.0", "1e-300", "12.5", "1e12", "1000000000000.00"])
def test_takes_numbers_that_roll_ups_can_keep(db: Connection, value: str) -> None:
    assert one(db, RECORD, "api_latency", f'{{"latency_ms": {value}}}', None, None) > 0


def test_whoever_has_the_services_rights_is_as_quick_by_any_name(db: Connection) -> None:
    """A login that is a member, and the role itself, take the same way; a client does not."""
    db.execute("create role bench_login in role service_role")
    db.execute("drop function dbkit._record_checked_metric(text, jsonb, text, timestamptz)")
    db.execute(
        "create function dbkit._record_checked_metric(text, jsonb, text, timestamptz)"
        " returns bigint language sql as 'select -1::bigint'"
    )
    for role in ("service_role", "bench_login", "authenticated"):
        become(db, role)
        found = one(db, "select dbkit.record_metric('error')")
        unbecome(db)
        assert (found > 0) is (role != "authenticated"), role


@pytest.mark.parametrize("at", ["infinity", "-infinity", "2001-01-01Z", "2999-01-01Z"])
def test_refuses_a_time_that_no_partition_holds(db: Connection, at: str) -> None:
    with raises(db, "KD701"):
        one(db, RECORD, "error", "{}", None, at)


@pytest.mark.parametrize("event_type", ["nope", "", "x" * 5000, None])
def test_refuses_a_type_that_is_not_registered(db: Connection, event_type: str | None) -> None:
    with raises(db, "KD702"):
        one(db, RECORD, event_type, "{}", None, None)


def test_accounts_record_only_what_clients_may(db: Connection) -> None:
    become(db, "authenticated", user_id="u1")
    with raises(db, "KD003"):
        record(db, "order_event", {"event": "payment_failure"})
    become(db, "anon")
    with raises(db, "42501"):
        record(db, "page_view")


def test_accounts_have_a_quota_and_the_service_has_none(db: Connection) -> None:
    db.execute("update dbkit.metric_settings set sender_bytes_per_minute = 1000")
    become(db, "authenticated", user_id="u1")
    sent = 0
    with raises(db, "KD704") as caught:
        while sent < 100:
            record(db, "page_view", {"page": "/menu"})
            sent += 1
    assert caught.detail["reason"] == "sender_quota"
    assert 4 <= sent <= 8
    with raises(db, "KD701"):
        record(db, "page_view", {"page": "x" * 9000})
    unbecome(db)
    become(db, "service_role")
    for _ in range(20):
        record(db, "page_view", {"page": "/menu"})


def test_nobody_writes_or_reads_the_table_past_it(db: Connection) -> None:
    record(db, "page_view")
    statements: dict[str, Any] = {
        "select": "select from dbkit.runtime_metrics",
        "insert": "insert into dbkit.runtime_metrics (event_type) values ('error')",
        "delete": "delete from dbkit.runtime_metrics",
    }
    for role in ("anon", "authenticated"):
        become(db, role)
        for statement in statements.values():
            with raises(db, "42501"):
                db.execute(statement)
        unbecome(db)
    become(db, "service_role")
    assert one(db, "select count(*) from dbkit.runtime_metrics") == 1
    for verb in ("insert", "delete"):
        with raises(db, "42501"):
            db.execute(statements[verb])
