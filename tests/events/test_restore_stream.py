from tests.events.parts_integrity import append, problems
from tests.helpers import Connection, become, one, raises

RESTORE = "select dbkit.restore_stream('thing', 'a')"


def test_opens_an_archived_stream(db: Connection) -> None:
    append(db, "a")
    become(db, "service_role")
    db.execute("select dbkit.archive_stream('thing', 'a')")
    assert one(db, RESTORE) == {"version": 1, "archived_at": None, "changed": True}
    assert one(db, RESTORE) == {"version": 1, "archived_at": None, "changed": False}
    assert append(db, "a")["version"] == 2
    assert problems(db) == set()


def test_rejects_an_unknown_stream(db: Connection) -> None:
    with raises(db, "KD502"):
        one(db, RESTORE)


def test_needs_service_role(db: Connection) -> None:
    append(db, "a")
    become(db, "authenticated")
    with raises(db, "42501"):
        one(db, RESTORE)
