from typing import Any

import pytest

from tests.events.parts_integrity import append, data_of, problems
from tests.helpers import Connection, become, freeze_clock, one, raises

ARCHIVE = "select dbkit.archive_stream('thing', 'a')"


def snapshot(db: Connection) -> None:
    db.execute(
        "insert into dbkit.event_snapshots select organization_id, aggregate_type, aggregate_id,"
        " version, position, created_at, '{}', '{}', '', created_at from dbkit.event_store"
    )


def test_closes_a_stream_for_appends_only(db: Connection) -> None:
    append(db, "a")
    append(db, "b")
    snapshot(db)
    freeze_clock(db, "2027-01-01T00:00:00Z")
    answer = one(db, ARCHIVE)
    assert answer == {"version": 1, "archived_at": "2027-01-01T00:00:00+00:00", "changed": True}
    with raises(db, "KD503"):
        append(db, "a")
    with raises(db, "KD503"):
        db.execute("""select dbkit.append_events('thing', 'a',
            '[{"event_type": "x", "event_data": {}}]')""")
    assert append(db, "b")["version"] == 2
    assert data_of(db, "a") == [{"n": 1}]
    assert one(db, "select array_agg(distinct aggregate_id) from dbkit.event_snapshots") == ["b"]
    assert problems(db) == set()


def test_again_changes_nothing(db: Connection) -> None:
    append(db, "a")
    first: dict[str, Any] = one(db, ARCHIVE)
    freeze_clock(db, "2027-01-01T00:00:00Z")
    assert one(db, ARCHIVE) == {**first, "changed": False}


def test_rejects_an_unknown_stream(db: Connection) -> None:
    append(db, "a")
    become(db, "service_role", organization_id="other")
    with raises(db, "KD502"):
        one(db, ARCHIVE)


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_needs_service_role(db: Connection, role: str) -> None:
    append(db, "a")
    become(db, role)
    with raises(db, "42501"):
        one(db, ARCHIVE)
