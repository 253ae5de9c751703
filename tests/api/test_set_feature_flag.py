"""Writing flags."""

import pytest

from tests.api.conftest import state
from tests.helpers import Connection, become, freeze_clock, one, raises, row, unbecome

SET = "select dbkit.set_feature_flag(%s, %s, %s, %s, %s, %s::numeric, %s)"


def test_adds_and_replaces(db: Connection) -> None:
    freeze_clock(db, "2026-01-01T00:00:00Z")
    become(db, "super_admin")
    db.execute(SET, ["dark_mode", "v2", True, "1.5.0", ["ios"], 12.345, "dark"])
    found = row(db, "select * from dbkit.feature_flags where feature = 'dark_mode'")
    assert (found["min_api_version"], found["min_app_version"]) == ("v2", "1.5.0")
    assert (found["app_names"], str(found["rollout_percentage"])) == (["ios"], "12.35")
    assert found["updated_at"].isoformat() == "2026-01-01T00:00:00+00:00"
    db.execute(SET, ["dark_mode", "v3", False, None, None, 100, None])
    found = row(db, "select * from dbkit.feature_flags where feature = 'dark_mode'")
    assert (found["min_api_version"], found["min_app_version"]) == ("v3", None)
    assert (found["enabled"], found["description"]) == (False, "")


@pytest.mark.parametrize(
    ("feature", "version", "enabled", "app", "share", "sqlstate"),
    [
        (None, "v1", True, None, 100, "KD004"),
        ("Dark Mode", "v1", True, None, 100, "KD004"),
        ("", "v1", True, None, 100, "KD004"),
        ("f", "v1", None, None, 100, "KD004"),
        ("f", "v1", True, None, None, "KD004"),
        ("f", "v1", True, None, -0.01, "KD004"),
        ("f", "v1", True, None, 100.01, "KD004"),
        ("f", "v1", True, None, "NaN", "KD004"),
        ("f", "v9", True, None, 100, "KD102"),
        ("f", None, True, None, 100, "KD102"),
        ("f", "v1", True, "1.5", 100, "KD002"),
    ],
)
def test_refuses_and_leaves_everything(
    db: Connection,
    feature: str | None,
    version: str | None,
    enabled: bool | None,
    app: str | None,
    share: object,
    sqlstate: str,
) -> None:
    before = state(db)
    with raises(db, sqlstate) as caught:
        one(db, SET, feature, version, enabled, app, None, share, "")
    assert caught.detail
    assert state(db) == before


def test_only_super_admin(db: Connection) -> None:
    before = state(db)
    for role in ("anon", "authenticated", "service_role"):
        become(db, role)
        with raises(db, "42501"):
            one(db, SET, "f", "v1", True, None, None, 100, "")
        unbecome(db)
    assert state(db) == before
