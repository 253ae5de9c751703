"""Announcing the end of a version."""

import pytest

from tests.api.conftest import call, state
from tests.helpers import Connection, become, freeze_clock, one, raises, row, unbecome

DEPRECATE = "select dbkit.deprecate_api_version(%s, %s, %s, %s::tstzmultirange)"
ROW = "select * from dbkit.api_versions where version = %s"


def test_writes_the_announcement(db: Connection) -> None:
    freeze_clock(db, "2026-01-01T00:00:00Z")
    span = "{[2026-05-01 00:00+00,2026-05-01 01:00+00),[2026-05-02 00:00+00,2026-05-02 01:00+00)}"
    db.execute(DEPRECATE, ["v1", "2026-06-01T00:00:00Z", None, span])
    found = row(db, ROW, "v1")
    assert (found["status"], found["successor"]) == ("deprecated", "v3")
    assert found["deprecated_at"].isoformat() == "2026-01-01T00:00:00+00:00"
    assert found["sunset_at"].isoformat() == "2026-06-01T00:00:00+00:00"
    assert len(found["brownouts"]) == 2


def test_again_keeps_when_it_was_first_announced(db: Connection) -> None:
    freeze_clock(db, "2026-01-01T00:00:00Z")
    db.execute(DEPRECATE, ["v1", None, "v2", None])
    freeze_clock(db, "2026-02-01T00:00:00Z")
    db.execute(DEPRECATE, ["v1", "2026-06-01T00:00:00Z", "v3", None])
    found = row(db, ROW, "v1")
    assert found["deprecated_at"].isoformat() == "2026-01-01T00:00:00+00:00"
    assert found["successor"] == "v3"


def test_the_newest_has_no_successor_by_default(db: Connection) -> None:
    db.execute(DEPRECATE, ["v3", None, None, "{}"])
    assert row(db, ROW, "v3")["successor"] is None
    warnings = call(db, "get_features", version="v3")["meta"]["warnings"]
    assert warnings == ["v3 is deprecated"]


def test_opens_a_sunset_version_again(db: Connection) -> None:
    db.execute("select dbkit.switch_api_version('v3', 'v2')")
    db.execute("select dbkit.sunset_api_version('v1')")
    ask = {"app_version": "1.0.0"}
    with raises(db, "KD103"):
        call(db, "check_compatibility", ask, "v1")
    db.execute(DEPRECATE, ["v1", None, None, "{}"])
    meta = call(db, "check_compatibility", ask, "v1")["meta"]
    assert (meta["version"], meta["deprecated"], meta["sunset_at"]) == ("v1", True, None)


@pytest.mark.parametrize(
    ("version", "sunset", "successor", "sqlstate"),
    [
        ("v9", None, None, "KD102"),
        (None, None, None, "KD102"),
        ("v1", None, "v9", "KD102"),
        ("v1", None, "v1", "KD004"),
        ("v1", "2026-01-01T00:00:00Z", None, "KD004"),
        ("v1", "2020-01-01T00:00:00Z", "v2", "KD004"),
    ],
)
def test_refuses_and_leaves_everything(
    db: Connection, version: str, sunset: str | None, successor: str | None, sqlstate: str
) -> None:
    freeze_clock(db, "2026-01-01T00:00:00Z")
    before = state(db)
    with raises(db, sqlstate) as caught:
        one(db, DEPRECATE, version, sunset, successor, "{}")
    assert caught.detail
    assert caught.hint
    assert state(db) == before


def test_only_super_admin(db: Connection) -> None:
    before = state(db)
    for role in ("anon", "authenticated", "service_role"):
        become(db, role)
        with raises(db, "42501"):
            one(db, DEPRECATE, "v1", None, None, "{}")
        unbecome(db)
    assert state(db) == before
