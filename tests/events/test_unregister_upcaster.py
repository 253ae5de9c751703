from __future__ import annotations

from tests.events.folding import append, generated, upcaster
from tests.helpers import Connection, become, one, raises, rows

REGISTER = "select dbkit.register_upcaster('Added', %s, %s, %s)"
UNREGISTER = "select dbkit.unregister_upcaster(%s, %s)"


def test_events_read_as_they_were_stored(db: Connection) -> None:
    before = generated(db)
    append(db, 1, schema_version=1)
    one(db, REGISTER, 1, 2, upcaster(db, "up", "'{}'::jsonb"))
    assert one(db, UNREGISTER, "Added", 1) is True
    assert rows(db, "select * from dbkit.events")[0]["event_data"] == {"amount": 1}
    assert generated(db) == before


def test_the_rest_of_the_chain_stays(db: Connection) -> None:
    append(db, 1, schema_version=1)
    append(db, 2, schema_version=2)
    one(db, REGISTER, 1, 2, upcaster(db, "up1", "p_data"))
    one(db, REGISTER, 2, 3, upcaster(db, "up2", "'{}'::jsonb"))
    one(db, UNREGISTER, "Added", 1)
    found = rows(db, "select schema_version, event_data from dbkit.events order by version")
    assert found == [
        {"schema_version": 1, "event_data": {"amount": 1}},
        {"schema_version": 3, "event_data": {}},
    ]


def test_what_was_not_there(db: Connection) -> None:
    for name, version in (("Added", 1), (None, None)):
        assert one(db, UNREGISTER, name, version) is False


def test_needs_super_admin(db: Connection) -> None:
    for role in ("anon", "authenticated", "service_role"):
        become(db, role)
        with raises(db, "42501"):
            one(db, UNREGISTER, "Added", 1)
