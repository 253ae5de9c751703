"""The table realtime_fanout_log."""

from __future__ import annotations

import pytest

from tests.helpers import Connection, raises, rows

INSERT = """
    insert into dbkit.realtime_fanout_log
      (event_type, source_region, target_regions, payload, priority, delivery_status, created_at)
    values (%s, 'us-east-1', '{}', %s, %s, %s, now())
"""
SOUND = ["order_status", "{}", "normal", "{}"]


def test_takes_any_kind_of_the_right_form(db: Connection) -> None:
    db.execute(INSERT, SOUND)
    db.execute(INSERT, ["a_kind_of_your_own", *SOUND[1:]])


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (0, ""),
        (0, "Order"),
        (0, "order-status"),
        (0, "a" * 101),
        (1, "[]"),
        (2, "urgent"),
        (3, "null"),
    ],
)
def test_rejects_a_row_that_breaks_a_check(db: Connection, column: int, value: str) -> None:
    with raises(db, "23514"):
        db.execute(INSERT, [*SOUND[:column], value, *SOUND[column + 1 :]])


def test_the_newest_are_found_by_the_index_on_time(db: Connection) -> None:
    db.execute("set local enable_seqscan = off")
    plan = rows(
        db, "explain select * from dbkit.realtime_fanout_log order by created_at desc limit 20"
    )
    text = "\n".join(line["QUERY PLAN"] for line in plan)
    assert "idx_fanout_log_time" in text
    assert "Sort" not in text
