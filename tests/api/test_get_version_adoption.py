"""Daily shares of the versions."""

import pytest

from tests.helpers import Connection, become, freeze_clock, raises, rows, unbecome

USAGE = """
insert into dbkit.api_version_usage values
  ('2026-01-10', 'v1', 1, 1, 0, 1, 10, '2026-01-10T10:00:00Z'),
  ('2026-01-10', 'v2', 2, 0, 1, 2, 9, '2026-01-10T10:00:00Z'),
  ('2026-01-09', 'v2', 4, 0, 0, 3, 8, '2026-01-09T10:00:00Z'),
  ('2025-12-01', 'v2', 4, 0, 0, 3, 8, '2025-12-01T10:00:00Z')"""
ADOPTION = "select * from dbkit.get_version_adoption(%s)"


def test_shares_of_each_day(db: Connection) -> None:
    freeze_clock(db, "2026-01-10T12:00:00Z")
    db.execute(USAGE)
    found = rows(db, ADOPTION, 2)
    assert [(str(f["usage_date"]), f["version"], float(f["share"])) for f in found] == [
        ("2026-01-09", "v2", 1.0),
        ("2026-01-10", "v1", 0.3333),
        ("2026-01-10", "v2", 0.6667),
    ]
    last = found[-1]
    assert (last["calls"], last["errors"], last["clients"]) == (2, 0, 2)
    assert float(last["avg_duration_ms"]) == 4.5


def test_window_in_days(db: Connection) -> None:
    freeze_clock(db, "2026-01-10T12:00:00Z")
    db.execute(USAGE)
    assert len(rows(db, ADOPTION, 1)) == 2
    assert len(rows(db, "select * from dbkit.get_version_adoption()")) == 3
    assert len(rows(db, ADOPTION, 365)) == 4


@pytest.mark.parametrize("days", [0, -1, None])
def test_refuses_an_empty_window(db: Connection, days: int | None) -> None:
    with raises(db, "KD004") as caught:
        rows(db, ADOPTION, days)
    assert caught.detail == {"argument": "p_days"}


def test_needs_service_role(db: Connection) -> None:
    for role in ("anon", "authenticated"):
        become(db, role)
        with raises(db, "42501"):
            rows(db, ADOPTION, 1)
        unbecome(db)
    become(db, "service_role")
    assert rows(db, ADOPTION, 1) == []
