"""check_compatibility in v3: with counts and an upgrade hint."""

from tests.api.conftest import call, platform_only
from tests.api.features import two_flags
from tests.helpers import Connection, become


def test_counts_features_and_hints_at_an_update(db: Connection) -> None:
    two_flags(db)
    become(db, "anon")
    assert call(db, "check_compatibility", {"app_version": "1.2.0"}, "v3")["data"] == {
        "compatible": True,
        "app_version": "1.2.0",
        "minimum_app_version": "1.0.0",
        "best_version": "v2",
        "current_version": "v2",
        "features": ["everyone"],
        "feature_count": 1,
        "total_feature_count": 2,
        "upgrade_hint": "update the app to 1.4.0 to use v3",
    }


def test_no_hint_for_the_newest(db: Connection) -> None:
    platform_only(db)
    data = call(db, "check_compatibility", {"app_version": "1.4.0"}, "v3")["data"]
    assert data["upgrade_hint"] is None
    assert (data["features"], data["feature_count"], data["total_feature_count"]) == ([], 0, 0)
