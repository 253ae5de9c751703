"""dbkit.list_lists."""

from __future__ import annotations

from tests.api.lists import SHOWN, TABLE, register
from tests.helpers import Connection, become, rows


def test_says_what_may_be_asked(db: Connection) -> None:
    become(db, "anon")
    assert rows(db, "select * from dbkit.list_lists()") == []
    db.execute("reset role")
    db.execute(TABLE.encode())
    register(db, p_filters='{"size": ["eq"]}', p_sorts=["name"], p_description="All there is.")
    become(db, "anon")
    (found,) = rows(db, "select * from dbkit.list_lists()")
    del found["registered_at"]
    assert found == {
        "name": "things",
        "source": "shop.things",
        "columns": SHOWN,
        "key": ["id"],
        "sorts": ["name", "id", "made_at"],
        "default_sort": "-made_at",
        "filters": {"size": ["eq"]},
        "search": ["name", "note"],
        "max_limit": 100,
        "default_limit": 20,
        "required_role": None,
        "description": "All there is.",
        "registered_by": "postgres",
    }
