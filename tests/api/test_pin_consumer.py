"""Consumers held at a version, through every switch."""

import pytest

from tests.api.conftest import call, context, state
from tests.helpers import Connection, become, freeze_clock, one, raises, row, unbecome

PIN = "select dbkit.pin_consumer(%s, %s, %s)"


def served(conn: Connection, **keys: str) -> str:
    context(conn, **keys)
    found: str = call(conn, "check_compatibility", {"app_version": "1.4.0"})["meta"]["version"]
    return found


def test_holds_through_a_switch_until_freed(db: Connection) -> None:
    db.execute(PIN, ["partner", "v1", "asked for it"])
    assert served(db, client_id="partner") == "v1"
    assert served(db, client_id="other") == "v2"
    assert served(db) == "v2"
    db.execute("select dbkit.switch_api_version('v3')")
    assert served(db, client_id="partner") == "v1"
    assert served(db, client_id="other") == "v3"
    db.execute(PIN, ["partner", None, None])
    assert served(db, client_id="partner") == "v3"


def test_client_is_stronger_than_organization(db: Connection) -> None:
    db.execute(PIN, ["org", "v1", ""])
    assert served(db, client_id="c", organization_id="org") == "v1"
    db.execute(PIN, ["c", "v3", ""])
    assert served(db, client_id="c", organization_id="org") == "v3"
    assert served(db, client_id="d", organization_id="org") == "v1"


def test_a_named_version_is_stronger(db: Connection) -> None:
    db.execute(PIN, ["partner", "v1", ""])
    assert served(db, client_id="partner", api_version="v3") == "v3"


def test_a_pin_never_lifts_an_old_app(db: Connection) -> None:
    db.execute(PIN, ["partner", "v3", ""])
    assert served(db, client_id="partner", app_version="1.2.0") == "v2"


def test_notes_whether_there_are_pins(db: Connection) -> None:
    flag = "select has_pins from dbkit.active_api_version"
    revision = one(db, "select revision from dbkit.active_api_version")
    assert one(db, flag) is False
    db.execute(PIN, ["a", "v1", ""])
    db.execute(PIN, ["b", "v1", ""])
    assert one(db, flag) is True
    db.execute(PIN, ["a", None, ""])
    assert one(db, flag) is True
    db.execute(PIN, ["b", None, ""])
    db.execute(PIN, ["never", None, ""])
    assert one(db, flag) is False
    assert one(db, "select revision from dbkit.active_api_version") == revision


def test_records_who_and_why_and_moves_a_pin(db: Connection) -> None:
    freeze_clock(db, "2026-01-01T00:00:00Z")
    become(db, "super_admin")
    db.execute(PIN, ["a", "v1", "first"])
    db.execute(PIN, ["a", "v2", None])
    unbecome(db)
    found = row(db, "select * from dbkit.api_consumers")
    assert (found["pinned_version"], found["reason"]) == ("v2", "")
    assert found["pinned_by"] == "super_admin"
    assert found["pinned_at"].isoformat() == "2026-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("consumer", "version", "sqlstate"),
    [
        (None, "v1", "KD004"),
        ("", "v1", "KD004"),
        ("x" * 201, "v1", "KD004"),
        ("a", "v9", "KD102"),
        ("a", "v1", "KD103"),
    ],
)
def test_refuses_and_leaves_everything(
    db: Connection, consumer: str | None, version: str, sqlstate: str
) -> None:
    db.execute("select dbkit.switch_api_version('v3')")
    db.execute("select dbkit.sunset_api_version('v1')")
    before = state(db)
    with raises(db, sqlstate) as caught:
        one(db, PIN, consumer, version, "")
    assert caught.detail
    assert state(db) == before


def test_others_cannot_see_pins(db: Connection) -> None:
    db.execute(PIN, ["partner", "v1", ""])
    for role in ("anon", "authenticated"):
        become(db, role)
        with raises(db, "42501"):
            one(db, "select count(*) from dbkit.api_consumers")
        assert served(db, client_id="partner") == "v1"
        unbecome(db)
