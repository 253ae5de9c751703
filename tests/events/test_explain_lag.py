"""dbkit.explain_lag: who holds readers back."""

import pytest

from tests.events.parts import append
from tests.helpers import Connection, become, connect, one, raises, rows

LAG = "select * from dbkit.explain_lag()"


def test_names_the_transactions_that_hold_readers(database: str) -> None:
    with connect(database, application_name="slow one") as slow, connect(database) as conn:
        assert rows(conn, LAG) == []
        mark = append(slow, "a")["position"]
        append(conn, "b")
        conn.commit()
        (found,) = rows(conn, LAG)
        assert (found["mark"], found["holds_back"]) == (mark, 2)
        assert found["pid"] == slow.info.backend_pid
        assert found["application_name"] == "slow one"
        assert found["state"] == "idle in transaction"
        assert found["prepared_as"] is None
        slow.commit()
        assert rows(conn, LAG) == []


def test_names_a_prepared_transaction(database: str) -> None:
    """It has no session that could be asked or ended, and outlives a restart of the server."""
    with connect(database, autocommit=True) as conn:
        if one(conn, "show max_prepared_transactions") == "0":
            pytest.skip("the server takes no prepared transactions")
        safe = one(conn, "select dbkit.safe_position()")
        with connect(database) as preparing:
            mark = append(preparing, "a")["position"]
            preparing.execute("prepare transaction 'forgotten'")
        try:
            append(conn, "b")
            (found,) = rows(conn, LAG)
            assert one(conn, "select dbkit.safe_position()") == safe
        finally:
            conn.execute("rollback prepared 'forgotten'")
        assert (found["pid"], found["prepared_as"]) == (None, "forgotten")
        assert (found["mark"], found["holds_back"]) == (mark, 2)
        assert found["role_name"] == one(conn, "select current_user::text")
        assert found["open_since"] is not None
        assert (found["state"], found["query"], found["application_name"]) == (None, None, None)
        assert rows(conn, LAG) == []
        assert one(conn, "select dbkit.safe_position()") == mark + 1


def test_is_for_the_service(db: Connection) -> None:
    become(db, "authenticated")
    with raises(db, "42501"):
        rows(db, LAG)
