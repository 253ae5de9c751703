from typing import Any

from tests.events.parts_integrity import append
from tests.helpers import Connection, become, raises, rows, unbecome


def ids(db: Connection, arguments: str = "") -> list[Any]:
    return [f["aggregate_id"] for f in rows(db, f"select * from dbkit.get_streams({arguments})")]


def test_lists_the_heads_of_the_callers_organization(db: Connection) -> None:
    become(db, "authenticated", organization_id="one")
    for stream in ["b", "a", "c", "a"]:
        append(db, stream)
    db.execute("select dbkit.append_event('other', 'x', 'T', '{}')")
    found = rows(db, "select * from dbkit.get_streams()")
    assert [(f["aggregate_type"], f["aggregate_id"], f["version"]) for f in found] == [
        ("other", "x", 1), ("thing", "a", 2), ("thing", "b", 1), ("thing", "c", 1)
    ]  # fmt: skip
    become(db, "authenticated", organization_id="two")
    assert ids(db) == []
    become(db, "service_role", organization_id="two")
    assert ids(db) == []


def test_pages_within_a_type(db: Connection) -> None:
    for stream in ["b", "a", "c", "d"]:
        append(db, stream)
    assert ids(db, "'thing', p_limit => 2") == ["a", "b"]
    assert ids(db, "'thing', 'b', 2") == ["c", "d"]
    assert ids(db, "'thing', 'd', 2") == []
    assert ids(db, "'other'") == []


def test_by_archived(db: Connection) -> None:
    append(db, "a")
    append(db, "b")
    db.execute("select dbkit.archive_stream('thing', 'b')")
    assert ids(db, "p_archived => true") == ["b"]
    assert ids(db, "p_archived => false") == ["a"]


def test_rejects_bad_pages(db: Connection) -> None:
    for arguments in ("p_limit => 0", "p_limit => 10001", "p_after_id => 'a'"):
        with raises(db, "KD004"):
            ids(db, arguments)
    unbecome(db)
    become(db, "anon")
    with raises(db, "42501"):
        ids(db)
