"""Ending a version."""

from tests.api.conftest import call, handler, register, state
from tests.helpers import Connection, become, freeze_clock, one, raises, row, unbecome

SUNSET = "select dbkit.sunset_api_version(%s)"


def test_ends_it_now(db: Connection) -> None:
    db.execute("select dbkit.switch_api_version('v3', 'v2')")
    freeze_clock(db, "2026-01-01T00:00:00Z")
    db.execute("select dbkit.deprecate_api_version('v1', '2026-09-01T00:00:00Z')")
    freeze_clock(db, "2026-03-01T00:00:00Z")
    db.execute(SUNSET, ["v1"])
    found = row(db, "select * from dbkit.api_versions where version = 'v1'")
    assert found["status"] == "sunset"
    assert found["sunset_at"].isoformat() == "2026-03-01T00:00:00+00:00"
    assert found["deprecated_at"].isoformat() == "2026-01-01T00:00:00+00:00"
    with raises(db, "KD103") as caught:
        call(db, "check_compatibility", {"app_version": "1.0.0"}, "v1")
    assert caught.detail["successor"] == "v3"


def test_refuses_what_is_in_use(db: Connection) -> None:
    db.execute("select dbkit.pin_consumer('partner', 'v3')")
    before = state(db)
    for version, pinned in (("v2", []), ("v1", []), ("v3", ["partner"])):
        with raises(db, "KD112") as caught:
            one(db, SUNSET, version)
        assert caught.detail == {"version": version, "pinned": pinned}
        assert caught.hint
    assert state(db) == before


def test_unknown_version(db: Connection) -> None:
    for version in ("v9", None):
        with raises(db, "KD102"):
            one(db, SUNSET, version)


def test_only_super_admin(db: Connection) -> None:
    before = state(db)
    for role in ("anon", "authenticated", "service_role"):
        become(db, role)
        with raises(db, "42501"):
            one(db, SUNSET, "v3")
        unbecome(db)
    assert state(db) == before


def test_refuses_to_end_what_newer_versions_live_on(db: Connection) -> None:
    register(db, "old", "v1", handler(db, "old"))
    db.execute("select dbkit.switch_api_version('v3', 'v2')")
    with raises(db, "KD112") as caught:
        db.execute("select dbkit.sunset_api_version('v1')")
    assert caught.detail == {"version": "v1", "calls": ["old"]}
    readiness = one(db, "select dbkit.get_sunset_readiness('v1')")
    assert "newer versions serve old from it" in readiness["reasons"]
    register(db, "old", "v2", handler(db, "old"))
    db.execute("select dbkit.sunset_api_version('v1')")
