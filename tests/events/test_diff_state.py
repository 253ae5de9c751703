from __future__ import annotations

from typing import Any

import pytest
from psycopg.types.json import Jsonb

from tests.events.folding import append, register, snapshot
from tests.helpers import Connection, become, one, raises, rows

DIFF = "select * from dbkit.diff_state('tab', 'a', %s, %s)"


def states(conn: Connection, *wanted: object) -> None:
    """A stream whose states are these."""
    register(conn, body="return p_event.event_data -> 'state';")
    for one_of in wanted:
        event = [{"event_type": "Set", "event_data": {"state": one_of}}]
        one(conn, "select dbkit.append_events('tab', 'a', %s)", Jsonb(event))


def diff(conn: Connection, before: int | None, after: int | None = None) -> list[tuple[Any, ...]]:
    return [tuple(found.values()) for found in rows(conn, DIFF, before, after)]


def test_tells_what_was_added_removed_and_changed(db: Connection) -> None:
    states(
        db,
        {"keep": 1, "gone": {"x": 1}, "deep": {"a": 1, "b": [1, {"c": 2}, 3]}, "kind": 1},
        {"keep": 1, "new": [1], "deep": {"a": 2, "b": [1, {"c": 3}]}, "kind": {"now": "object"}},
    )
    assert diff(db, 1) == [
        ("/deep/a", "changed", 1, 2),
        ("/deep/b/1/c", "changed", 2, 3),
        ("/deep/b/2", "removed", 3, None),
        ("/gone", "removed", {"x": 1}, None),
        ("/kind", "changed", 1, {"now": "object"}),
        ("/new", "added", None, [1]),
    ]
    assert [found[1] for found in diff(db, 2, 1)] == [
        "changed",
        "changed",
        "added",
        "added",
        "changed",
        "removed",
    ]


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        ({"a": None}, {}, [("/a", "removed", None, None)]),
        ({}, {"a": None}, [("/a", "added", None, None)]),
        ({"a": None}, {"a": 1}, [("/a", "changed", None, 1)]),
        ({"a": 1}, {"a": 1.0}, []),
        (
            {"a/b": {"~": 1, "": 2}},
            {"a/b": {}},
            [("/a~1b/", "removed", 2, None), ("/a~1b/~0", "removed", 1, None)],
        ),
        ([1], {"0": 1}, [("", "changed", [1], {"0": 1})]),
        ("x", "y", [("", "changed", "x", "y")]),
        ([], [[]], [("/0", "added", None, [])]),
    ],
)
def test_shapes(db: Connection, before: object, after: object, wanted: list[object]) -> None:
    states(db, before, after)
    assert diff(db, 1, 2) == wanted


def test_nothing_differs_from_itself(db: Connection) -> None:
    register(db)
    append(db, 1, 2)
    assert diff(db, 2) == []
    assert diff(db, 1, 1) == []


def test_from_before_the_first_event_and_over_a_snapshot(db: Connection) -> None:
    register(db)
    append(db, 1, 2)
    snapshot(db)
    append(db, 4)
    assert ("/sum", "added", None, 7) in diff(db, 0)
    assert diff(db, 1, 3) == [("/count", "changed", 1, 3), ("/sum", "changed", 1, 7)]


def test_refuses_what_it_cannot_tell(db: Connection) -> None:
    append(db, 1)
    with raises(db, "KD509"):
        diff(db, 0)
    register(db)
    for before, after in ((None, 1), (0, 2), (2, 1), (-1, 1)):
        with raises(db, "KD004"):
            diff(db, before, after)
    become(db, "authenticated", organization_id="acme")
    with raises(db, "KD502"):
        diff(db, 0)
    become(db, "anon")
    with raises(db, "42501"):
        diff(db, 0)
