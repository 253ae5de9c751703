"""New generations, in the order of the apps that they need."""

import pytest

from tests.api.conftest import call, context, handler, platform_only, register, state
from tests.helpers import Connection, become, one, raises, row, unbecome

REGISTER = "select dbkit.register_api_version(%s, %s, %s)"


def test_is_served_when_asked_for_at_once(db: Connection) -> None:
    platform_only(db)
    db.execute(REGISTER, ["v4", "1.6.0", "next"])
    found = row(db, "select * from dbkit.api_versions where version = 'v4'")
    assert (found["ordinal"], found["status"], found["description"]) == (4, "active", "next")
    answer = call(db, "get_features", version="v4")["meta"]
    assert (answer["version"], answer["fallback"]) == ("v3", True)
    assert one(db, "select current_version from dbkit.active_api_version") == "v2"
    assert one(db, "select dbkit.switch_api_version('v4') ->> 'fallback_version'") == "v3"


def test_changes_a_minimum_and_routes_follow(db: Connection) -> None:
    register(db, "echo", "v3", handler(db, "echo"))
    context(db, app_version="1.3.0")
    with raises(db, "KD104"):
        call(db, "echo", version="v3")
    db.execute(REGISTER, ["v3", "1.3.0", "earlier"])
    assert call(db, "echo", version="v3")["meta"]["version"] == "v3"


def test_fits_between_others(db: Connection) -> None:
    db.execute(REGISTER, ["v40", "2.0.0", ""])
    db.execute(REGISTER, ["v10", "1.5.0", ""])
    order = "select array_agg(version order by ordinal) from dbkit.api_versions"
    assert one(db, order) == ["v1", "v2", "v3", "v10", "v40"]


def test_the_same_minimum_as_a_neighbour_is_fine(db: Connection) -> None:
    register(db, "echo", "v2", handler(db, "echo"))
    db.execute(REGISTER, ["v3", "1.2.0", ""])
    context(db, app_version="1.2.0")
    assert call(db, "echo", version="v3")["meta"]["version"] == "v2"


@pytest.mark.parametrize(
    ("version", "minimum", "sqlstate"),
    [
        (None, "1.0.0", "KD004"),
        ("v0", "1.0.0", "KD004"),
        ("v01", "1.0.0", "KD004"),
        ("V4", "1.0.0", "KD004"),
        ("v4 ", "2.0.0", "KD004"),
        ("v12345", "2.0.0", "KD004"),
        ("4", "1.0.0", "KD004"),
        ("v4", None, "KD004"),
        ("v4", "1.4", "KD002"),
        ("v4", "latest", "KD002"),
        ("v4", "1.3.9", "KD004"),
        ("v4", "1.4.0-rc.1", "KD004"),
        ("v1", "1.2.1", "KD004"),
        ("v2", "1.5.0", "KD004"),
        ("v2", "0.9.0", "KD004"),
    ],
)
def test_refuses_and_leaves_everything(
    db: Connection, version: str | None, minimum: str | None, sqlstate: str
) -> None:
    before = state(db)
    with raises(db, sqlstate) as caught:
        one(db, REGISTER, version, minimum, "")
    assert caught.detail
    assert caught.hint
    assert state(db) == before


def test_says_which_neighbour_is_in_the_way(db: Connection) -> None:
    with raises(db, "KD004") as caught:
        one(db, REGISTER, "v4", "1.1.0", "")
    assert caught.detail["other_version"] == "v2"
    assert caught.detail["other_min_app_version"] == "1.2.0"


def test_null_description_is_empty(db: Connection) -> None:
    db.execute(REGISTER, ["v4", "1.6.0", None])
    assert one(db, "select description from dbkit.api_versions where version = 'v4'") == ""


def test_only_super_admin(db: Connection) -> None:
    before = state(db)
    for role in ("anon", "authenticated", "service_role"):
        become(db, role)
        with raises(db, "42501"):
            one(db, REGISTER, "v4", "1.6.0", "")
        unbecome(db)
    assert state(db) == before
    become(db, "super_admin")
    db.execute(REGISTER, ["v4", "1.6.0", ""])
