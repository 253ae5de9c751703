"""dbkit.get_events: one stream, in pages, both ways."""

from __future__ import annotations

import pytest

from tests.events.parts import append, append_many
from tests.helpers import Connection, become, raises, rows, unbecome

READ = "select * from dbkit.get_events('counter', 'a', {})"


def versions(conn: Connection, arguments: str = "1") -> list[int]:
    return [r["version"] for r in rows(conn, READ.format(arguments))]


@pytest.fixture(autouse=True)
def ten_events(db: Connection) -> None:
    append_many(db, "a", [{"event_type": "Counted", "event_data": {}}] * 10)
    append(db, "b")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("1", list(range(1, 11))),
        ("null", list(range(1, 11))),
        ("4", list(range(4, 11))),
        ("4, 6", [4, 5, 6]),
        ("4, 6, 2", [4, 5]),
        ("1, null, 3, 'backward'", [10, 9, 8]),
        ("1, 5, 3, 'backward'", [5, 4, 3]),
        ("11", []),
        ("6, 4", []),
        ("-5, 2", [1, 2]),
    ],
)
def test_ranges_and_directions(db: Connection, arguments: str, expected: list[int]) -> None:
    assert versions(db, arguments) == expected


@pytest.mark.parametrize("limit", ["0", "-1", "10001", "null"])
def test_limit_is_1_to_10000(db: Connection, limit: str) -> None:
    with raises(db, "KD004"):
        versions(db, f"1, null, {limit}")


def test_direction_is_checked(db: Connection) -> None:
    for direction in ("'up'", "null"):
        with raises(db, "KD004"):
            versions(db, f"1, null, 10, {direction}")


def test_another_organization_sees_nothing(db: Connection) -> None:
    for role in ("authenticated", "service_role"):
        become(db, role, organization_id="rival")
        assert versions(db) == []
        unbecome(db)
    become(db, "authenticated")
    assert len(versions(db)) == 10
