"""The table region_sync_status."""

from __future__ import annotations

import pytest

from tests.helpers import Connection, raises

INSERT = "insert into dbkit.region_sync_status values (%s, %s, %s, %s, now())"


def test_takes_a_pair_once_in_each_direction(db: Connection) -> None:
    db.execute(INSERT, ["us-east-1", "eu-west-1", 5, None])
    db.execute(INSERT, ["eu-west-1", "us-east-1", 5, None])
    with raises(db, "23505"):
        db.execute(INSERT, ["us-east-1", "eu-west-1", 6, None])


@pytest.mark.parametrize(
    ("target", "ms", "size"),
    [("us-east-1", 1, 1), ("eu-west-1", -1, 1), ("eu-west-1", 1, -1)],
)
def test_rejects_a_row_that_breaks_a_check(db: Connection, target: str, ms: int, size: int) -> None:
    with raises(db, "23514"):
        db.execute(INSERT, ["us-east-1", target, ms, size])


def test_rejects_an_unknown_region(db: Connection) -> None:
    with raises(db, "23503"):
        db.execute(INSERT, ["us-east-1", "mars-1", 1, 1])
