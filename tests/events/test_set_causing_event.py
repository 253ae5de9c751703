"""dbkit.set_causing_event: what a consumer appends knows what led to it."""

import uuid

from tests.events.parts import append, stored
from tests.helpers import Connection, become, raises, unbecome

SET = "select dbkit.set_causing_event(%s)"


def test_cause_and_correlation_go_on(db: Connection) -> None:
    become(db, "authenticated", correlation_id="c")
    first = append(db, "a")
    become(db, "authenticated")
    db.execute(SET, [first["event_id"]])
    second = append(db, "b")
    db.execute(SET, [second["event_id"]])
    append(db, "b")
    found = [(e["correlation_id"], e["causation_id"]) for e in stored(db, "b")]
    assert found == [("c", first["event_id"]), ("c", second["event_id"])]


def test_an_event_without_correlation_becomes_one(db: Connection) -> None:
    first = append(db, "a")
    db.execute(SET, [first["event_id"]])
    append(db, "b")
    assert stored(db, "b")[0]["correlation_id"] == first["event_id"]


def test_an_event_of_nobody_or_another_is_refused(db: Connection) -> None:
    first = append(db, "a")
    with raises(db, "KD004"):
        db.execute(SET, [uuid.uuid4()])
    unbecome(db)
    become(db, "authenticated", organization_id="rival")
    with raises(db, "KD004"):
        db.execute(SET, [first["event_id"]])
