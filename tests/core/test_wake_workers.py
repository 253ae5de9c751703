"""A notification at COMMIT; never on the path of an append."""

from __future__ import annotations

from tests.helpers import Connection, become, connect, one, raises


def test_listeners_hear_of_it_at_commit_and_once(database: str) -> None:
    with connect(database, autocommit=True) as conn, connect(database) as waker:
        conn.execute("listen dbkit_worker")
        one(waker, "select dbkit.wake_workers() is null")
        one(waker, "select dbkit.wake_workers() is null")
        assert list(conn.notifies(timeout=0)) == []
        waker.commit()
        heard = list(conn.notifies(timeout=10, stop_after=1))
        assert [h.payload for h in heard] == [""]
        assert list(conn.notifies(timeout=0)) == []


def test_an_append_notifies_nobody(database: str) -> None:
    with connect(database, autocommit=True) as conn:
        conn.execute("listen dbkit_worker")
        one(conn, "select dbkit.append_event('thing', '1', 'Happened', '{}')")
        assert list(conn.notifies(timeout=0)) == []


def test_needs_service_role(db: Connection) -> None:
    become(db, "authenticated")
    with raises(db, "42501"):
        one(db, "select dbkit.wake_workers()")
