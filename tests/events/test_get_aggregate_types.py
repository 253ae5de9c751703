from __future__ import annotations

from tests.events.folding import register
from tests.helpers import Connection, become, freeze_clock, one, raises, rows

LIST = "select * from dbkit.get_aggregate_types() where aggregate_type in ('bill', 'tab')"


def test_lists_appliers_and_settings(db: Connection) -> None:
    freeze_clock(db, "2026-01-01T12:00:00Z")
    signature = register(db)
    one(db, "select dbkit.configure_aggregate('bill', 0, true)")
    become(db, "authenticated")
    found = rows(db, LIST)
    assert [list(kind.values())[:5] for kind in found] == [
        ["bill", None, 1, 0, True],
        ["tab", signature, 1, 100, False],
    ]
    assert {kind["registered_at"].isoformat() for kind in found} == {"2026-01-01T12:00:00+00:00"}


def test_anonymous_callers_may_not(db: Connection) -> None:
    become(db, "anon")
    with raises(db, "42501"):
        rows(db, LIST)
