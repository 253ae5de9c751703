from tests.events.parts_integrity import PERSON, append, data_of, protect, stored
from tests.helpers import Connection, become, one, raises, rows

UNPROTECT = "select dbkit.unprotect_event_fields('Registered')"


def test_new_events_are_plain_and_old_ones_are_read_and_forgotten(db: Connection) -> None:
    protect(db)
    append(db, "a", "Registered", PERSON)
    assert one(db, UNPROTECT) is True
    append(db, "b", "Registered", PERSON)
    assert "$sealed" in stored(db, "a")["customer"]["name"]
    assert stored(db, "b") == PERSON
    assert data_of(db, "a") == data_of(db, "b") == [PERSON]
    assert one(db, "select dbkit.forget_subject('cu-1', 'asked to')")["events"] == 1
    assert data_of(db, "a")[0]["customer"]["name"] == {"$forgotten": True}


def test_says_whether_it_was_protected(db: Connection) -> None:
    assert one(db, UNPROTECT) is False
    protect(db)
    assert [one(db, UNPROTECT), one(db, UNPROTECT)] == [True, False]
    protect(db)
    append(db, "a", "Registered", PERSON)
    assert "$sealed" in stored(db, "a")["customer"]["name"]


def test_without_registrations_the_functions_are_as_shipped(db: Connection) -> None:
    texts = "select prosrc from pg_proc where proname in ('_seal_event_data', '_unseal_event_data')"
    before = rows(db, texts)
    protect(db)
    assert rows(db, texts) != before
    db.execute("delete from dbkit.event_protected_fields")
    db.execute("select dbkit._generate_event_functions()")
    assert rows(db, texts) == before


def test_needs_super_admin(db: Connection) -> None:
    become(db, "service_role")
    with raises(db, "42501"):
        one(db, UNPROTECT)
