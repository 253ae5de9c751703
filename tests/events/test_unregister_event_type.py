from __future__ import annotations

from psycopg.types.json import Jsonb

from tests.events.folding import append, generated, schema
from tests.helpers import Connection, become, one, raises

REGISTER = "select dbkit.register_event_type(%s, %s, %s)"
UNREGISTER = "select dbkit.unregister_event_type(%s, %s)"


def test_the_type_takes_any_object_again(db: Connection) -> None:
    before = generated(db)
    one(db, REGISTER, "Added", schema(other="string"), 1)
    with raises(db, "KD505"):
        append(db, 1)
    assert one(db, UNREGISTER, "Added", 1) is True
    append(db, 1)
    assert generated(db) == before


def test_the_newest_is_then_an_older_one(db: Connection) -> None:
    one(db, REGISTER, "Added", schema(amount="integer"), 1)
    one(db, REGISTER, "Added", schema(other="string"), 2)
    one(db, UNREGISTER, "Added", 2)
    append(db, 1)
    with raises(db, "KD505"):
        append(db, 1, schema_version=2)


def test_what_was_not_there(db: Connection) -> None:
    one(db, REGISTER, "Added", Jsonb({}), 1)
    before = generated(db)
    for name, version in (("Added", 2), ("Moved", 1), (None, None)):
        assert one(db, UNREGISTER, name, version) is False
    assert generated(db) == before


def test_needs_super_admin(db: Connection) -> None:
    for role in ("anon", "authenticated", "service_role"):
        become(db, role)
        with raises(db, "42501"):
            one(db, UNREGISTER, "Added", 1)
