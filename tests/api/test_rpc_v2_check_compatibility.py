"""check_compatibility in v2: with versions and features."""

from tests.api.conftest import call
from tests.api.features import two_flags
from tests.helpers import Connection, become


def test_adds_versions_and_features(db: Connection) -> None:
    two_flags(db)
    become(db, "anon")
    assert call(db, "check_compatibility", {"app_version": "1.4.2"}, "v2")["data"] == {
        "compatible": True,
        "app_version": "1.4.2",
        "minimum_app_version": "1.0.0",
        "best_version": "v3",
        "current_version": "v2",
        "features": ["everyone", "new_apps"],
    }
    data = call(db, "check_compatibility", {"app_version": "0.5.0"}, "v2")["data"]
    assert (data["best_version"], data["features"]) == (None, ["everyone"])
