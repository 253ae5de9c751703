"""The table region_health: a count and a verdict that cannot disagree."""

from __future__ import annotations

import pytest

from tests.helpers import Connection, raises

INSERT = "insert into dbkit.region_health values (%s, %s, %s, %s, now(), null)"


def test_takes_a_sound_row_once(db: Connection) -> None:
    db.execute(INSERT, ["us-east-1", False, 10, 2])
    with raises(db, "23505"):
        db.execute(INSERT, ["us-east-1", True, 10, 0])


@pytest.mark.parametrize(
    ("healthy", "latency", "failures"),
    [(True, 10, 1), (False, 10, 0), (False, 10, -1), (True, -1, 0)],
)
def test_rejects_a_row_that_contradicts_itself(
    db: Connection, healthy: bool, latency: int, failures: int
) -> None:
    with raises(db, "23514"):
        db.execute(INSERT, ["us-east-1", healthy, latency, failures])


def test_rejects_an_unknown_region(db: Connection) -> None:
    with raises(db, "23503"):
        db.execute(INSERT, ["mars-1", True, 10, 0])
