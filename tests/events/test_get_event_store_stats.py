from tests.events.parts_integrity import append
from tests.helpers import Connection, become, freeze_clock, one, raises

STATS = "select dbkit.get_event_store_stats()"


def fill(db: Connection) -> None:
    for day, organization in enumerate(["one", "one", "two"], start=1):
        freeze_clock(db, f"2026-01-0{day}T00:00:00Z")
        become(db, "authenticated", organization_id=organization)
        append(db, "a", "Begun" if day == 1 else "Happened")
    become(db, "service_role", organization_id="one")
    db.execute("select dbkit.archive_stream('thing', 'a')")


def test_counts_all_for_a_service(db: Connection) -> None:
    fill(db)
    found = one(db, STATS)
    newest = one(db, "select max(position) from dbkit.event_store")
    assert found.pop("table_bytes") > 8192
    assert found == {
        "organization_id": None, "events": 3, "streams": 2, "archived_streams": 1, "snapshots": 0,
        "event_types": [{"event_type": "Happened", "events": 2},
                        {"event_type": "Begun", "events": 1}],
        "first_event_at": "2026-01-01T00:00:00+00:00",
        "last_event_at": "2026-01-03T00:00:00+00:00", "newest_position": newest,
    }  # fmt: skip
    assert one(db, "select dbkit.get_event_store_stats('two')")["events"] == 1


def test_counts_their_own_for_tenants(db: Connection) -> None:
    fill(db)
    become(db, "authenticated", organization_id="two")
    found = one(db, STATS)
    assert (found["organization_id"], found["events"], found["streams"]) == ("two", 1, 1)
    assert found["archived_streams"] == 0
    assert found["table_bytes"] is None
    assert one(db, "select dbkit.get_event_store_stats('two')") == found
    with raises(db, "KD003"):
        one(db, "select dbkit.get_event_store_stats('one')")


def test_an_empty_store_and_the_twenty_most_frequent_types(db: Connection) -> None:
    empty = one(db, "select dbkit.get_event_store_stats('nobody')")
    assert (empty["events"], empty["event_types"], empty["last_event_at"]) == (0, [], None)
    for n in range(25):
        append(db, "a", f"T{n:02}")
    append(db, "a", "T24")
    found = one(db, "select dbkit.get_event_store_stats('default')")["event_types"]
    assert [f["event_type"] for f in found] == ["T24", *(f"T{n:02}" for n in range(19))]
