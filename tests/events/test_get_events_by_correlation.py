"""dbkit.get_events_by_correlation: all that one request led to."""

from tests.events.parts import append
from tests.helpers import Connection, become, raises, rows, unbecome

READ = "select * from dbkit.get_events_by_correlation(%s)"


def test_finds_what_a_request_led_to_in_order(db: Connection) -> None:
    become(db, "authenticated", correlation_id="c")
    append(db, "b", data={"n": 1})
    append(db, "a", data={"n": 2})
    become(db, "authenticated", correlation_id="d")
    append(db, "a", data={"n": 3})
    assert [e["event_data"]["n"] for e in rows(db, READ, "c")] == [1, 2]
    assert rows(db, READ, "e") == []
    unbecome(db)
    become(db, "authenticated", organization_id="rival")
    assert rows(db, READ, "c") == []


def test_limit_is_checked(db: Connection) -> None:
    with raises(db, "KD004"):
        db.execute("select dbkit.get_events_by_correlation('c', 0)")
