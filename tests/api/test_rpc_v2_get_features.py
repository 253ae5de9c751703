"""get_features in v2: each feature and whether the client has it."""

from tests.api.conftest import call, context, platform_only
from tests.api.features import two_flags
from tests.helpers import Connection, become, raises


def test_says_which_features_the_app_has(db: Connection) -> None:
    two_flags(db)
    become(db, "anon", app_version="1.2.0")
    assert call(db, "get_features", version="v2")["data"] == {
        "features": {"everyone": True, "new_apps": False}
    }
    context(db, app_version="1.4.0")
    assert call(db, "get_features", version="v2")["data"]["features"]["new_apps"] is True


def test_the_payload_is_stronger_than_the_context(db: Connection) -> None:
    two_flags(db)
    context(db, app_version="1.2.0")
    data = call(db, "get_features", {"app_version": "1.4.0"}, "v2")["data"]
    assert data["features"]["new_apps"] is True


def test_no_flags(db: Connection) -> None:
    platform_only(db)
    assert call(db, "get_features", version="v2")["data"] == {"features": {}}


def test_bad_payloads(db: Connection) -> None:
    for payload in ({"app": "x"}, {"app_version": 1}, {"app_version": "1" * 101}):
        with raises(db, "KD105"):
            call(db, "get_features", payload, "v2")
    with raises(db, "KD101"):
        call(db, "get_features", version="v1")
