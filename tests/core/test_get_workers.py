"""Who runs, and who has been silent for too long."""

from __future__ import annotations

from uuid import UUID

import pytest

from tests.helpers import Connection, become, freeze_clock, one, raises, rows


def test_tells_the_living_from_the_silent(db: Connection) -> None:
    freeze_clock(db, "2026-01-01T00:00:00Z")
    one(db, "select dbkit.beat_worker(%s, 'h', 1, '1')", UUID(int=1))
    freeze_clock(db, "2026-01-01T00:00:29Z")
    one(db, "select dbkit.beat_worker(%s, 'h', 2, '1', '{\"sent\": 3}')", UUID(int=2))
    become(db, "service_role")
    found = rows(db, "select * from dbkit.get_workers()")
    assert [(f["pid"], f["is_alive"], f["state"]) for f in found] == [
        (1, True, {}),
        (2, True, {"sent": 3}),
    ]
    freeze_clock(db, "2026-01-01T00:00:31Z")
    assert [f["is_alive"] for f in rows(db, "select * from dbkit.get_workers(30)")] == [False, True]
    assert [f["is_alive"] for f in rows(db, "select * from dbkit.get_workers(1)")] == [False, False]


@pytest.mark.parametrize("seconds", [0, 86401, None])
def test_refuses_a_number_out_of_range(db: Connection, seconds: int | None) -> None:
    with raises(db, "KD004"):
        rows(db, "select * from dbkit.get_workers(%s)", seconds)


def test_needs_service_role(db: Connection) -> None:
    become(db, "authenticated")
    with raises(db, "42501"):
        rows(db, "select * from dbkit.get_workers()")
