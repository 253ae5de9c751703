import hashlib

from tests.events.parts_integrity import PERSON, append, protect
from tests.helpers import Connection, become, raises, row, rows

RECEIPTS = "select * from dbkit.get_subject_receipts('cu-1')"


def test_names_nobody_and_proves_who(db: Connection) -> None:
    protect(db)
    append(db, "a", "Registered", PERSON)
    assert rows(db, RECEIPTS) == []
    key = row(db, "select key from dbkit.event_subject_keys")["key"]
    become(db, "service_role")
    db.execute("select dbkit.forget_subject('cu-1', 'asked to')")
    found = row(db, RECEIPTS)
    assert found["subject_hash"] == hashlib.sha256(b'["default", "cu-1"]').hexdigest()
    assert found["key_hash"] == hashlib.sha256(key).hexdigest()
    assert (found["events"], found["streams"], found["projections"]) == (1, 1, [])
    assert (found["reason"], found["forgotten_by"]) == ("asked to", "service_role")
    assert "cu-1" not in str(rows(db, "select * from dbkit.event_subject_receipts"))


def test_is_of_the_callers_organization(db: Connection) -> None:
    db.execute("select dbkit.forget_subject('cu-1', 'asked to')")
    become(db, "service_role", organization_id="other")
    assert rows(db, RECEIPTS) == []
    become(db, "authenticated")
    with raises(db, "42501"):
        rows(db, RECEIPTS)
