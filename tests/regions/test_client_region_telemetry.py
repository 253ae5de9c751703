"""The table client_region_telemetry: caps and indexes."""

from __future__ import annotations

import pytest

from tests.helpers import Connection, raises, rows

INSERT = "insert into dbkit.client_region_telemetry values (%s, %s, %s, %s, %s, %s, now(), now())"
SOUND: list[object] = ["web_1", "us-east-1", "web", "1.4.0", "v3", 1]


def test_takes_a_client_once(db: Connection) -> None:
    db.execute(INSERT, SOUND)
    with raises(db, "23505"):
        db.execute(INSERT, SOUND)


@pytest.mark.parametrize(
    ("column", "value"),
    [(0, ""), (0, "a" * 201), (2, ""), (2, "a" * 101), (3, "1" * 101), (4, "v" * 21), (5, 0)],
)
def test_rejects_a_row_that_breaks_a_check(db: Connection, column: int, value: object) -> None:
    with raises(db, "23514"):
        db.execute(INSERT, [*SOUND[:column], value, *SOUND[column + 1 :]])


def test_rejects_an_unknown_region(db: Connection) -> None:
    with raises(db, "23503"):
        db.execute(INSERT, ["web_1", "mars-1", *SOUND[2:]])


@pytest.mark.parametrize(
    ("index", "where"),
    [
        ("idx_client_telemetry_region", "region_id = 'us-east-1'"),
        ("idx_client_telemetry_app", "app_name = 'web' and app_version = '1.4.0'"),
    ],
)
def test_is_found_by_its_indexes(db: Connection, index: str, where: str) -> None:
    db.execute("set local enable_seqscan = off")
    plan = rows(db, f"explain select * from dbkit.client_region_telemetry where {where}")
    assert index in "\n".join(line["QUERY PLAN"] for line in plan)
