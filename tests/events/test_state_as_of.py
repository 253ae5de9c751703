from __future__ import annotations

from tests.events.folding import append, append_at, register, snapshot
from tests.helpers import Connection, become, one, raises

AS_OF = "select dbkit.state_as_of('tab', %s, %s::timestamptz)"


def test_the_state_at_a_time(db: Connection) -> None:
    register(db)
    append_at(db, "2026-01-01", 1)
    append_at(db, "2026-01-02", 2)
    snapshot(db)
    append_at(db, "2026-01-03", 4)
    assert one(db, AS_OF, "a", "2025-12-31") == {}
    assert one(db, AS_OF, "a", "2026-01-01") == {"count": 1, "sum": 1, "schema": 1}
    assert one(db, AS_OF, "a", "2026-01-02 23:00")["sum"] == 3
    assert one(db, AS_OF, "a", "infinity")["sum"] == 7


def test_refuses_what_it_cannot_tell(db: Connection) -> None:
    append(db, 1)
    with raises(db, "KD509"):
        one(db, AS_OF, "a", "infinity")
    register(db)
    with raises(db, "KD502"):
        one(db, AS_OF, "b", "infinity")
    with raises(db, "KD004"):
        one(db, AS_OF, "a", None)


def test_of_the_callers_organization(db: Connection) -> None:
    register(db)
    append(db, 1)
    become(db, "authenticated", organization_id="acme")
    with raises(db, "KD502"):
        one(db, AS_OF, "a", "infinity")
    become(db, "anon")
    with raises(db, "42501"):
        one(db, AS_OF, "a", "infinity")
