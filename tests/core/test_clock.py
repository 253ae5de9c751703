"""One source of time, which only a super admin's session can set."""

import pytest

from tests.helpers import Connection, freeze_clock, one

CLOCK = "select dbkit.clock()"


def test_is_the_wall_clock_and_moves_within_a_transaction(db: Connection) -> None:
    assert one(db, "select now()") < one(db, CLOCK) < one(db, CLOCK)
    assert one(db, "select abs(extract(epoch from clock_timestamp() - dbkit.clock())) < 5")


def test_a_super_admin_sets_it_for_the_session(db: Connection) -> None:
    freeze_clock(db, "2026-01-01T12:00:00Z")
    assert one(db, CLOCK).isoformat() == "2026-01-01T12:00:00+00:00"
    db.execute("set local role anon")
    assert one(db, CLOCK).isoformat() == "2026-01-01T12:00:00+00:00"


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
def test_nobody_else_sets_it(db: Connection, role: str) -> None:
    db.execute(f"create role visitor login; grant {role} to visitor".encode())
    freeze_clock(db, "2026-01-01T12:00:00Z")
    db.execute("set local session authorization visitor")
    assert one(db, "select abs(extract(epoch from clock_timestamp() - dbkit.clock())) < 5")
    db.execute("reset session authorization")


def test_an_empty_setting_is_none(db: Connection) -> None:
    freeze_clock(db, "")
    assert one(db, "select abs(extract(epoch from clock_timestamp() - dbkit.clock())) < 5")
