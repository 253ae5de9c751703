from __future__ import annotations

from tests.events.folding import append, register, snapshot, snapshots, total
from tests.helpers import Connection, become, one, raises

DELETE = "select dbkit.delete_snapshots('tab', 'a', %s)"


def four(conn: Connection) -> None:
    register(conn)
    for amount in (1, 2, 4, 8):
        append(conn, amount)
        snapshot(conn)


def test_deletes_all_and_the_state_stays(db: Connection) -> None:
    four(db)
    assert total(db) == (15, 4)
    assert one(db, "select dbkit.delete_snapshots('tab', 'a')") == 4
    assert total(db) == (15, None)
    assert one(db, "select dbkit.delete_snapshots('tab', 'a')") == 0


def test_keeps_the_newest(db: Connection) -> None:
    four(db)
    assert one(db, DELETE, 3) == 1
    assert snapshots(db) == [2, 3, 4]
    assert one(db, DELETE, 9) == 0


def test_other_streams_and_organizations_stay(db: Connection) -> None:
    four(db)
    append(db, 1, stream="b")
    snapshot(db, "b")
    become(db, "service_role", organization_id="acme")
    assert one(db, DELETE, 0) == 0
    become(db, "service_role")
    assert one(db, DELETE, 0) == 4
    assert snapshots(db, "b") == [1]


def test_refuses_a_number_that_means_nothing(db: Connection) -> None:
    for keep in (-1, None):
        with raises(db, "KD004"):
            one(db, DELETE, keep)


def test_needs_service_role(db: Connection) -> None:
    for role in ("anon", "authenticated"):
        become(db, role)
        with raises(db, "42501"):
            one(db, DELETE, 0)
