from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier

import psycopg
import pytest

from tests.helpers import Connection, become, connect, freeze_clock, one, raises, row

SAVE = "select dbkit.save_reader_checkpoint(%s, %s, %s)::text"
GET = "select dbkit.get_reader_checkpoint(%s)"
APPEND = "select (dbkit.append_event('order', 'a', 'Placed', '{}') ->> 'position')::bigint"


@pytest.fixture
def newest(db: Connection) -> int:
    """Position of the newest of three events."""
    positions: list[int] = [one(db, APPEND) for _ in range(3)]
    become(db, "service_role")
    return positions[-1]


def test_keeps_the_position_and_when(db: Connection, newest: int) -> None:
    freeze_clock(db, "2026-01-01T12:00:00Z")
    one(db, SAVE, "mailer", newest - 1, 0)
    one(db, SAVE, "mailer", newest, newest - 1)
    assert row(db, "select * from dbkit.event_reader_checkpoints where reader = 'mailer'") == {
        "reader": "mailer",
        "position": newest,
        "updated_at": datetime(2026, 1, 1, 12, tzinfo=UTC),
    }


def test_a_lower_position_reads_again(db: Connection, newest: int) -> None:
    one(db, SAVE, "mailer", newest, 0)
    one(db, SAVE, "mailer", 0, newest)
    assert one(db, GET, "mailer") == 0
    one(db, SAVE, "mailer", newest, 0)
    assert one(db, GET, "mailer") == newest


@pytest.mark.parametrize("off", [-1, 1])
def test_refuses_a_reader_that_somebody_else_moved(db: Connection, newest: int, off: int) -> None:
    actual = newest - 1
    one(db, SAVE, "mailer", actual, 0)
    with raises(db, "KD511") as caught:
        one(db, SAVE, "mailer", newest, actual + off)
    assert caught.detail == {
        "reader": "mailer",
        "expected_position": actual + off,
        "actual_position": actual,
    }
    assert one(db, GET, "mailer") == actual


def test_refuses_a_reader_that_kept_nothing_where_something_is_expected(
    db: Connection, newest: int
) -> None:
    with raises(db, "KD511") as caught:
        one(db, SAVE, "mailer", newest, newest - 1)
    assert caught.detail["actual_position"] == 0


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("", 0, 0), "p_reader"),
        (("x" * 101, 0, 0), "p_reader"),
        ((None, 0, 0), "p_reader"),
        (("mailer", -1, 0), "p_position"),
        (("mailer", None, 0), "p_position"),
        (("mailer", 2**62, 0), "p_position"),
        (("mailer", 0, -1), "p_expected_position"),
        (("mailer", 0, None), "p_expected_position"),
    ],
)
def test_refuses_bad_arguments(db: Connection, arguments: tuple[object, ...], named: str) -> None:
    become(db, "service_role")
    with raises(db, "KD004") as caught:
        one(db, SAVE, *arguments)
    assert caught.detail == {"argument": named}


def test_needs_service_role(db: Connection) -> None:
    for role in ("anon", "authenticated"):
        become(db, role)
        with raises(db, "42501"):
            one(db, SAVE, "mailer", 0, 0)


def test_of_two_at_once_one_gets_on(database: str) -> None:
    with connect(database) as conn:
        newest: int = one(conn, APPEND)
    together = Barrier(8)

    def save() -> str | None:
        with connect(database, autocommit=True) as conn:
            together.wait(30)
            try:
                one(conn, SAVE, "mailer", newest, 0)
            except psycopg.Error as error:
                return error.sqlstate
        return None

    with ThreadPoolExecutor(8) as pool:
        outcomes = [future.result() for future in [pool.submit(save) for _ in range(8)]]
    assert sorted(outcomes, key=str) == ["KD511"] * 7 + [None]
