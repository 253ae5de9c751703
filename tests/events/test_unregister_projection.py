from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.events.projections import opened, place, register, run, stored, wait_for_lock
from tests.helpers import Connection, become, connect, one, raises, rows


def unregister(conn: Connection, name: str = "orders_per_store") -> bool:
    return bool(one(conn, "select dbkit.unregister_projection(%s)", name))


def test_removes_rows_and_checkpoints_and_keeps_events(database: str) -> None:
    with opened(database) as conn:
        register(conn)
        place(conn, "1", "a")
        run(conn)
        assert unregister(conn)
        assert one(conn, "select count(*) from dbkit.event_projections") == 0
        checkpoints = "select from dbkit.event_projection_checkpoints where projection = %s"
        assert rows(conn, checkpoints, "orders_per_store") == []
        assert one(conn, "select count(*) from dbkit.event_store") == 1
        with raises(conn, "KD510"):
            run(conn)


def test_one_that_is_not_there_is_false(database: str) -> None:
    with opened(database) as conn:
        assert unregister(conn) is False


def test_appends_no_longer_write_an_inline_one(database: str) -> None:
    with opened(database) as conn:
        register(conn, mode="inline")
        place(conn, "1", "a")
        assert unregister(conn)
        place(conn, "2", "a")
        assert one(conn, "select count(*) from dbkit.event_projections") == 0


def test_an_append_that_is_open_leaves_no_row_behind(database: str) -> None:
    with opened(database) as conn, connect(database) as writer, connect(database) as admin:
        register(conn, mode="inline")
        place(writer, "1", "a")
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(unregister, admin)
            wait_for_lock(conn, admin.info.backend_pid)
            writer.commit()
            assert answer.result()
        admin.commit()
        assert one(conn, "select count(*) from dbkit.event_projections") == 0


def test_one_that_open_appends_write_is_busy(database: str) -> None:
    with opened(database) as conn, connect(database) as writer:
        register(conn, mode="inline")
        place(writer, "1", "a")
        with raises(conn, "KD511"):
            unregister(conn)
        writer.commit()
        assert len(stored(conn)) == 1


def test_an_async_run_that_is_open_leaves_no_row_behind(database: str) -> None:
    with opened(database) as conn, connect(database) as runner, connect(database) as admin:
        register(conn)
        place(conn, "1", "a")
        run(runner)
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(unregister, admin)
            wait_for_lock(conn, admin.info.backend_pid)
            runner.commit()
            assert answer.result()
        admin.commit()
        assert one(conn, "select count(*) from dbkit.event_projections") == 0


def test_needs_a_super_admin(database: str) -> None:
    with opened(database) as conn, conn.transaction():
        register(conn)
        become(conn, "service_role")
        with raises(conn, "42501"):
            unregister(conn)
