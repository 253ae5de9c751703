"""A worker that ends as it should leaves no row."""

from __future__ import annotations

from uuid import UUID

from tests.helpers import Connection, become, one, raises

A = UUID(int=1)


def test_takes_its_row_along(db: Connection) -> None:
    become(db, "service_role")
    one(db, "select dbkit.beat_worker(%s, 'h', 1, '1')", A)
    assert one(db, "select dbkit.end_worker(%s)", A) is True
    assert one(db, "select dbkit.end_worker(%s)", A) is False
    assert one(db, "select count(*) from dbkit.workers") == 0


def test_needs_service_role(db: Connection) -> None:
    become(db, "authenticated")
    with raises(db, "42501"):
        one(db, "select dbkit.end_worker(%s)", A)
