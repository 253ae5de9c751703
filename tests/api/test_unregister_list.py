"""dbkit.unregister_list."""

from __future__ import annotations

from tests.api.lists import TABLE, fill, page, register
from tests.helpers import Connection, become, one, raises


def test_leaves_nothing_but_the_table(db: Connection) -> None:
    db.execute(TABLE.encode())
    fill(db, 3)
    register(db)
    register(db, p_name="others")
    assert one(db, "select dbkit.unregister_list('things')")
    with raises(db, "KD142"):
        page(db)
    assert one(db, "select to_regproc('dbkit._page_of_things')") is None
    assert len(page(db, "others")["items"]) == 3
    assert not one(db, "select dbkit.unregister_list('things')")
    register(db)
    assert len(page(db)["items"]) == 3


def test_is_for_the_super_admin(db: Connection) -> None:
    become(db, "service_role")
    with raises(db, "42501"):
        db.execute("select dbkit.unregister_list('things')")
