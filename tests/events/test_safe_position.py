"""dbkit.safe_position: how far a reader may go."""

from tests.events.parts import append
from tests.helpers import connect, one, raises

SAFE = "select dbkit.safe_position()"


def test_is_the_newest_position_when_nothing_is_open(database: str) -> None:
    with connect(database, autocommit=True) as conn:
        assert one(conn, SAFE) == 0
        append(conn, "a")
        last = append(conn, "a")["position"]
        assert one(conn, SAFE) == last


def test_is_below_every_open_append(database: str) -> None:
    with connect(database) as one_open, connect(database) as other, connect(database) as conn:
        before = append(conn, "c")["position"]
        conn.commit()
        append(one_open, "a")
        last = append(other, "b")["position"]
        assert one(conn, SAFE) == before
        other.commit()
        assert one(conn, SAFE) == before
        one_open.rollback()
        assert one(conn, SAFE) == last


def test_serializable_is_refused(database: str) -> None:
    with connect(database) as conn:
        conn.execute("set transaction isolation level serializable")
        with raises(conn, "KD507") as caught:
            one(conn, SAFE)
        assert caught.detail == {"transaction_isolation": "serializable"}
