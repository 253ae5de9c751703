"""One worker or all are asked to stop, and those that listen hear it at once."""

from __future__ import annotations

from uuid import UUID

from tests.helpers import Connection, become, connect, one, raises

BEAT = "select dbkit.beat_worker(%s, 'h', 1, '1')"


def test_one_or_all(db: Connection) -> None:
    become(db, "service_role")
    for number in (1, 2, 3):
        one(db, BEAT, UUID(int=number))
    assert one(db, "select dbkit.stop_worker(%s)", UUID(int=9)) == 0
    assert one(db, "select dbkit.stop_worker(%s)", UUID(int=1)) == 1
    assert one(db, "select count(*) from dbkit.workers where stopping") == 1
    assert one(db, "select dbkit.stop_worker()") == 3
    assert one(db, "select count(*) from dbkit.workers where stopping") == 3


def test_listeners_hear_it(database: str) -> None:
    with connect(database, autocommit=True) as conn:
        conn.execute("listen dbkit_worker")
        one(conn, "select dbkit.stop_worker()")
        heard = list(conn.notifies(timeout=10, stop_after=1))
    assert [h.payload for h in heard] == ["stop"]


def test_needs_service_role(db: Connection) -> None:
    become(db, "authenticated")
    with raises(db, "42501"):
        one(db, "select dbkit.stop_worker()")
