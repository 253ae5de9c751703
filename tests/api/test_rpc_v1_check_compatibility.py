"""check_compatibility in v1: whether the app may go on."""

import pytest

from tests.api.conftest import call, context
from tests.helpers import Connection, become, raises


@pytest.mark.parametrize(("app", "ok"), [("0.9.0", False), ("1.0.0-rc.1", False), ("1.0.0", True)])
def test_minimal_answer(db: Connection, app: str, ok: bool) -> None:
    become(db, "anon")
    assert call(db, "check_compatibility", {"app_version": app}, "v1")["data"] == {
        "compatible": ok,
        "app_version": app,
        "minimum_app_version": "1.0.0",
    }


def test_takes_the_app_from_the_context(db: Connection) -> None:
    context(db, app_version="1.2.0")
    assert call(db, "check_compatibility", version="v1")["data"]["app_version"] == "1.2.0"


def test_the_minimum_rises_with_a_sunset(db: Connection) -> None:
    db.execute("select dbkit.switch_api_version('v3', 'v2')")
    db.execute("select dbkit.sunset_api_version('v1')")
    data = call(db, "check_compatibility", {"app_version": "1.1.0"}, "v3")["data"]
    assert (data["compatible"], data["minimum_app_version"]) == (False, "1.2.0")


def test_an_app_must_be_named_and_be_a_version(db: Connection) -> None:
    with raises(db, "KD105") as caught:
        call(db, "check_compatibility", version="v1")
    assert caught.detail == {"field": "app_version"}
    assert caught.hint
    with raises(db, "KD002"):
        call(db, "check_compatibility", {"app_version": "newest"}, "v1")
