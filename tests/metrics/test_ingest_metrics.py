"""dbkit.ingest_metrics: bounded in every direction, and every drop is counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.helpers import Connection, become, freeze_clock, one, raises, rows, unbecome
from tests.metrics.parts import INGEST, ingest, page


def drops(conn: Connection) -> dict[str, int]:
    unbecome(conn)
    found = rows(conn, "select reason, dropped from dbkit.get_metric_drops(1)")
    return {f["reason"]: f["dropped"] for f in found}


def nested(levels: int) -> dict[str, Any]:
    value: Any = 1
    for level in range(levels - 1):
        value = [value] if level % 2 else {"k": value}
    return {"k": value}


def test_anybody_sends_batches(db: Connection) -> None:
    become(db, "anon", organization_id="acme", user_id="claimed")
    answer = ingest(db, page(), page("/cart") | {"session_id": "s1"})
    assert answer == {"accepted": 2, "dropped": 0, "reasons": {}}
    unbecome(db)
    found = rows(db, "select * from dbkit.runtime_metrics order by id")
    assert [f["session_id"] for f in found] == [None, "s1"]
    assert {f["organization_id"] for f in found} == {"acme"}
    assert {f["user_id"] for f in found} == {None}, "anon could claim to be anybody"
    assert ingest(db) == {"accepted": 0, "dropped": 0, "reasons": {}}


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (7, "malformed"),
        (None, "malformed"),
        ([], "malformed"),
        ({}, "malformed"),
        ({"event_type": None}, "malformed"),
        ({"event_type": "page_view", "event_data": "x"}, "malformed"),
        ({"event_type": "page_view", "event_data": None}, "malformed"),
        ({"event_type": "page_view", "session_id": "s" * 201}, "malformed"),
        ({"event_type": "nope"}, "unknown_type"),
        ({"event_type": "order_event"}, "forbidden_type"),
        ({"event_type": "deployment"}, "forbidden_type"),
        (page("x" * 9000), "too_large"),
        (page("/", **{f"k{n}": n for n in range(50)}), "too_many_keys"),
        ({"event_type": "page_view", "event_data": nested(7)}, "too_deep"),
        ({"event_type": "api_latency", "event_data": {"latency_ms": -1}}, "bad_value"),
        ({"event_type": "api_latency", "event_data": {"latency_ms": "1"}}, "bad_value"),
        ({"event_type": "api_latency", "event_data": {"latency_ms": 10**400}}, "bad_value"),
        (page() | {"created_at": "quark"}, "bad_time"),
        (page() | {"created_at": "2026-02-31T00:00:00Z"}, "bad_time"),
        (page() | {"created_at": {"a": 1}}, "bad_time"),
        (page() | {"created_at": "-infinity"}, "too_old"),
        (page() | {"created_at": "2001-01-01T00:00:00Z"}, "too_old"),
    ],
)
def test_drops_what_breaks_a_rule_and_keeps_the_others(
    db: Connection, event: Any, reason: str
) -> None:
    become(db, "anon")
    answer = ingest(db, page(), event, page("/cart"))
    assert answer == {"accepted": 2, "dropped": 1, "reasons": {reason: 1}}
    assert drops(db) == {reason: 1}


def test_a_number_that_would_fill_a_page_when_printed_is_too_large(db: Connection) -> None:
    become(db, "anon")
    sent = '[{"event_type": "page_view", "event_data": {"x": 1e131071}}]'
    assert one(db, INGEST, sent)["reasons"] == {"too_large": 1}


def test_what_is_at_the_limits_is_taken(db: Connection) -> None:
    become(db, "anon")
    keys = {f"k{n}": n for n in range(39)}
    deep = {"event_type": "page_view", "event_data": nested(6)}
    assert ingest(db, page("/", **keys), deep)["accepted"] == 2


def test_batches_and_calls_have_a_size(db: Connection) -> None:
    become(db, "anon")
    assert ingest(db, *[page()] * 501)["reasons"] == {"call_too_large": 501}
    assert ingest(db, *[page("x" * 8000)] * 40)["reasons"] == {"call_too_large": 40}
    assert ingest(db, *[page()] * 500)["accepted"] == 500
    assert drops(db) == {"call_too_large": 541}


@pytest.mark.parametrize("sent", ["{}", "7", "null", '"x"', None])
def test_refuses_what_is_no_array(db: Connection, sent: str | None) -> None:
    become(db, "anon")
    with raises(db, "KD701"):
        one(db, INGEST, sent)


def test_times_are_the_senders_within_reason(db: Connection) -> None:
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    now = noon + timedelta(days=1)  # A day that has its partition, also when this one ends.
    freeze_clock(db, str(now))
    at = now - timedelta(minutes=1)
    become(db, "anon")
    db.execute("set local timezone = 'Asia/Kathmandu'")
    tomorrow = str(at + timedelta(days=1))
    naive = at.replace(tzinfo=None).isoformat()
    sent = [str(at), naive, "infinity", tomorrow]
    assert ingest(db, *[page() | {"created_at": one_} for one_ in sent])["accepted"] == 4
    unbecome(db)
    found = [f["created_at"] for f in rows(db, "select * from dbkit.runtime_metrics order by id")]
    assert found[:2] == [at, at], "without a zone it is UTC, whatever the session's"
    assert found[2:] == [now, now]


def test_one_sender_has_a_quota_of_its_own(db: Connection) -> None:
    db.execute("update dbkit.metric_settings set sender_bytes_per_minute = 4000")
    become(db, "anon", client_id="a")
    first = ingest(db, *[page()] * 100)
    assert 0 < first["accepted"] < 30
    assert first["reasons"] == {"sender_quota": first["dropped"]}
    again = [ingest(db, *[page()] * 100) for _ in range(3)]
    assert [a["accepted"] for a in again[1:]] == [0, 0]
    become(db, "anon", client_id="b")
    assert ingest(db, page())["accepted"] == 1


def test_all_anonymous_senders_have_one_together(db: Connection) -> None:
    db.execute("update dbkit.metric_settings set anon_bytes_per_minute = 16000")
    accepted = 0
    for client in range(200):
        become(db, "anon", client_id=str(client))
        accepted += ingest(db, *[page()] * 5)["accepted"]
    unbecome(db)
    used = one(db, "select sum(used) from dbkit.metric_ingest_slots where pool = 'anon'")
    stored = one(db, "select sum(octet_length(event_data::text) + 100) from dbkit.runtime_metrics")
    assert stored <= used <= 16000
    assert accepted == one(db, "select count(*) from dbkit.runtime_metrics") < 200
    assert drops(db)["quota"] == 1000 - accepted
    become(db, "authenticated", user_id="u1")
    assert ingest(db, page())["accepted"] == 1, "accounts have a pool of their own"
    unbecome(db)
    become(db, "service_role")
    assert ingest(db, *[page()] * 500)["accepted"] == 500


def test_a_new_minute_has_a_new_quota(db: Connection) -> None:
    db.execute("update dbkit.metric_settings set sender_bytes_per_minute = 1000")
    for minute in range(3):
        db.execute(
            "select set_config('dbkit.clock', (date_trunc('minute', clock_timestamp())"
            " + %s * interval '1 minute')::text, true)",
            [minute],
        )
        become(db, "anon", client_id="a")
        assert 0 < ingest(db, *[page()] * 20)["accepted"] < 8
        unbecome(db)


def test_the_day_has_a_size_for_anonymous_senders(db: Connection) -> None:
    db.execute("update dbkit.metric_settings set anon_bytes_per_day = 0")
    become(db, "anon")
    assert ingest(db, page())["reasons"] == {"day_quota": 1}
    unbecome(db)
    become(db, "authenticated")
    assert ingest(db, page())["accepted"] == 1


def test_series_beyond_the_cap_are_stored_as_other(db: Connection) -> None:
    db.execute("update dbkit.metric_settings set max_series = 3")
    become(db, "anon")
    assert ingest(db, *[page(f"/{n}") for n in range(2)])["reasons"] == {}
    answer = ingest(db, *[page(f"/{n}") for n in range(5)])
    assert answer == {"accepted": 5, "dropped": 0, "reasons": {"series_cap": 2}}
    assert ingest(db, page("/0"))["reasons"] == {}
    error = {"event_type": "error", "event_data": {"error_type": "t", "message": "m"}}
    assert ingest(db, error)["reasons"] == {}, "each type has a cap of its own"
    assert drops(db) == {"series_cap": 2}
    found = rows(
        db,
        "select event_data ->> 'page' as page, count(*) as n from dbkit.runtime_metrics"
        " where event_type = 'page_view' group by 1 order by 1",
    )
    assert {f["page"]: f["n"] for f in found} == {"/0": 3, "/1": 2, "/2": 1, "__other__": 2}


def test_the_service_sends_every_type_and_has_no_cap(db: Connection) -> None:
    db.execute("update dbkit.metric_settings set max_series = 1")
    become(db, "service_role")
    orders = [
        {"event_type": "order_event", "event_data": {"event": f"e{n}", "order_id": "1"}}
        for n in range(9)
    ]
    assert ingest(db, *orders) == {"accepted": 9, "dropped": 0, "reasons": {}}
