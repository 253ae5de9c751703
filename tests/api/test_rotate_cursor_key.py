"""dbkit.rotate_cursor_key."""

from __future__ import annotations

from tests.api.lists import TABLE, fill, ids, page, register
from tests.helpers import Connection, become, one, raises, rows


def test_cursors_survive_one_rotation_not_two(db: Connection) -> None:
    db.execute(TABLE.encode())
    fill(db, 3)
    register(db)
    old = page(db, limit=1)["page"]["next_cursor"]
    number = one(db, "select dbkit.rotate_cursor_key()")
    assert ids(page(db, cursor=old)) == [2, 1]
    new = page(db, limit=1)["page"]["next_cursor"]
    assert new[:33] + new[65:] == old[:33] + old[65:]
    assert new != old
    assert one(db, "select dbkit.rotate_cursor_key()") > number
    assert len(rows(db, "select from dbkit.api_cursor_keys")) == 2
    with raises(db, "KD141"):
        page(db, cursor=old)
    assert ids(page(db, cursor=new)) == [2, 1]


def test_every_key_is_new(db: Connection) -> None:
    for _ in range(5):
        db.execute("select dbkit._new_cursor_key()")
    keys = rows(db, "select inner_block from dbkit.api_cursor_keys")
    assert len({k["inner_block"] for k in keys}) == len(keys) == 6


def test_is_for_the_super_admin(db: Connection) -> None:
    for role in ("anon", "authenticated", "service_role"):
        become(db, role)
        with raises(db, "42501"):
            db.execute("select dbkit.rotate_cursor_key()")
    become(db, "super_admin")
    assert one(db, "select dbkit.rotate_cursor_key()")
