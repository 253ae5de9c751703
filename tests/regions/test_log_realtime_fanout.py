from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.helpers import Connection, become, freeze_clock, one, raises, row

KINDS = ["order_status", "order_created", "menu_updated", "store_status", "custom"]


def test_logs_an_event_with_its_deliveries(db: Connection) -> None:
    freeze_clock(db, "2026-01-01T12:00:00Z")
    become(db, "service_role")
    number = one(
        db,
        """
        select dbkit.log_realtime_fanout('order_status', 'us-east-1', '{us-west-2,eu-west-1}',
          '{"order_id": 123}', 'high', '{"us-west-2": {"success": true, "latencyMs": 45}}')
        """,
    )
    assert row(db, "select * from dbkit.realtime_fanout_log") == {
        "id": number,
        "event_type": "order_status",
        "source_region": "us-east-1",
        "target_regions": ["us-west-2", "eu-west-1"],
        "payload": {"order_id": 123},
        "priority": "high",
        "delivery_status": {"us-west-2": {"success": True, "latencyMs": 45}},
        "created_at": datetime(2026, 1, 1, 12, tzinfo=UTC),
    }


@pytest.mark.parametrize("kind", [*KINDS, "a_kind_of_your_own", "a" * 100])
def test_takes_the_documented_kinds_and_any_other(db: Connection, kind: str) -> None:
    one(db, "select dbkit.log_realtime_fanout(%s, 'us-east-1', '{eu-west-1}')", kind)
    found = row(db, "select * from dbkit.realtime_fanout_log")
    assert (found["event_type"], found["priority"]) == (kind, "normal")
    assert found["payload"] == found["delivery_status"] == {}


def test_the_documented_kinds_are_named_in_the_comment(db: Connection) -> None:
    text = one(
        db,
        "select obj_description('dbkit.log_realtime_fanout(text,text,text[],jsonb,text,jsonb)'"
        "::regprocedure)",
    )
    assert all(kind in text for kind in KINDS)


def test_takes_an_event_that_has_nowhere_to_go(db: Connection) -> None:
    assert one(db, "select dbkit.log_realtime_fanout('custom', 'us-east-1', '{}')") > 0


def test_ids_grow(db: Connection) -> None:
    statement = "select dbkit.log_realtime_fanout('custom', 'us-east-1', '{}')"
    assert one(db, statement) < one(db, statement)


@pytest.mark.parametrize(
    ("arguments", "argument"),
    [
        ("null, 'us-east-1', '{}'", "p_event_type"),
        ("'', 'us-east-1', '{}'", "p_event_type"),
        ("'Order', 'us-east-1', '{}'", "p_event_type"),
        ("'order-status', 'us-east-1', '{}'", "p_event_type"),
        ("E'custom\\n', 'us-east-1', '{}'", "p_event_type"),
        ("repeat('a', 101), 'us-east-1', '{}'", "p_event_type"),
        ("'custom', 'us-east-1', null", "p_target_regions"),
        ("'custom', 'us-east-1', '{us-east-1}'", "p_target_regions"),
        ("'custom', 'us-east-1', '{{eu-west-1},{us-west-2}}'", "p_target_regions"),
        ("'custom', 'us-east-1', array_fill('eu-west-1'::text, array[101])", "p_target_regions"),
        ("'custom', 'us-east-1', '{}', '[]'", "p_payload"),
        ("'custom', 'us-east-1', '{}', 'null'", "p_payload"),
        (
            "'custom', 'us-east-1', '{}', jsonb_build_object('a', repeat('a', 262144))",
            "p_payload",
        ),
        ("'custom', 'us-east-1', '{}', '{}', null", "p_priority"),
        ("'custom', 'us-east-1', '{}', '{}', 'urgent'", "p_priority"),
        ("'custom', 'us-east-1', '{}', '{}', 'low', '1'", "p_delivery_status"),
    ],
)
def test_rejects_a_bad_argument_by_name(db: Connection, arguments: str, argument: str) -> None:
    with raises(db, "KD004") as caught:
        one(db, f"select dbkit.log_realtime_fanout({arguments})")
    assert caught.detail == {"argument": argument}
    assert one(db, "select count(*) from dbkit.realtime_fanout_log") == 0


@pytest.mark.parametrize(
    "arguments",
    ["'mars-1', '{}'", "null, '{}'", "'us-east-1', '{eu-west-1,mars-1}'", "'us-east-1', '{null}'"],
)
def test_rejects_an_unknown_region(db: Connection, arguments: str) -> None:
    with raises(db, "KD301"):
        one(db, f"select dbkit.log_realtime_fanout('custom', {arguments})")


@pytest.mark.parametrize("role", ["service_role", "super_admin"])
def test_service_and_super_admin_log_but_do_not_edit(db: Connection, role: str) -> None:
    become(db, role)
    one(db, "select dbkit.log_realtime_fanout('custom', 'us-east-1', '{eu-west-1}')")
    for statement in (
        "update dbkit.realtime_fanout_log set priority = 'low'",
        "delete from dbkit.realtime_fanout_log",
    ):
        with raises(db, "42501"):
            db.execute(statement.encode())
