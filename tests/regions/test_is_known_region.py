from __future__ import annotations

import pytest

from tests.helpers import Connection, become, one


@pytest.mark.parametrize(
    ("region", "known"),
    [("us-east-1", True), ("US-EAST-1", False), ("mars-1", False), ("", False), (None, False)],
)
def test_says_whether_a_region_is_there(db: Connection, region: str | None, known: bool) -> None:
    assert one(db, "select dbkit.is_known_region(%s)", region) is known


def test_knows_inactive_regions(db: Connection) -> None:
    db.execute("update dbkit.regions set status = 'inactive'")
    assert one(db, "select dbkit.is_known_region('us-east-1')") is True


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role", "super_admin"])
def test_every_role_may_ask(db: Connection, role: str) -> None:
    become(db, role)
    assert one(db, "select dbkit.is_known_region('us-east-1')") is True
