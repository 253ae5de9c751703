"""get_features in v3: with reasons and rollout share."""

from tests.api.conftest import call, platform_only
from tests.api.features import two_flags
from tests.helpers import Connection, become


def test_gives_reasons_and_shares(db: Connection) -> None:
    two_flags(db)
    become(db, "anon", app_version="1.4.0")
    assert call(db, "get_features", {"app_version": "1.2.0"}, "v3")["data"] == {
        "features": [
            {
                "feature": "everyone",
                "enabled": True,
                "reason": "STATIC",
                "rollout_percentage": 100,
                "description": "for all",
            },
            {
                "feature": "new_apps",
                "enabled": False,
                "reason": "DEFAULT",
                "rollout_percentage": 100,
                "description": "",
            },
        ]
    }


def test_no_flags(db: Connection) -> None:
    platform_only(db)
    assert call(db, "get_features", version="v3")["data"] == {"features": []}
