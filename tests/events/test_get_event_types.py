from __future__ import annotations

from psycopg.types.json import Jsonb

from tests.events.folding import upcaster
from tests.helpers import Connection, become, one, raises, rows

LIST = "select * from dbkit.get_event_types() where event_type in ('Added', 'Moved')"


def test_every_version_that_is_known(db: Connection) -> None:
    up = upcaster(db, "up", "p_data")
    one(db, "select dbkit.register_event_type('Added', '{\"type\": \"object\"}', 2, 'money in')")
    one(db, "select dbkit.register_upcaster('Added', 1, 3, %s)", up)
    one(db, "select dbkit.register_event_type('Moved', %s)", Jsonb({}))
    become(db, "authenticated")
    found = rows(db, LIST)
    plain = [
        (t["event_type"], t["schema_version"], t["is_newest"], t["json_schema"], t["upcasts_to"])
        for t in found
    ]
    assert plain == [
        ("Added", 1, False, None, 3),
        ("Added", 2, False, {"type": "object"}, None),
        ("Added", 3, True, None, None),
        ("Moved", 1, True, {}, None),
    ]
    assert [t["description"] for t in found] == ["", "money in", "", ""]
    assert [t["upcaster"] for t in found] == [up, None, None, None]


def test_anonymous_callers_may_not(db: Connection) -> None:
    become(db, "anon")
    with raises(db, "42501"):
        rows(db, LIST)
