"""Who calls, for one transaction: checked, complete, and gone afterwards."""

from __future__ import annotations

import json

import pytest

from tests.helpers import Connection, become, connect, one, raises, unbecome

SET = "select dbkit.set_request_context(%s)"
KEYS = (
    "app_name",
    "api_version",
    "client_id",
    "region",
    "request_id",
    "user_id",
    "organization_id",
    "correlation_id",
    "causation_id",
)
READ = "select dbkit.request_context()"


def put(conn: Connection, context: object) -> None:
    conn.execute(SET, [json.dumps(context)])


def test_sets_every_key(db: Connection) -> None:
    full = {key: f"the {key}" for key in KEYS} | {"app_version": "1.4.0-rc.1+b"}
    put(db, full)
    assert one(db, READ) == full


def test_a_second_call_leaves_nothing_of_the_first(db: Connection) -> None:
    put(db, dict.fromkeys(KEYS, "x") | {"app_version": "1.4.0"})
    put(db, {"app_name": "web"})
    assert one(db, READ) == {"app_name": "web"}
    assert one(db, "select dbkit.app_version_key()") is None
    put(db, {})
    assert one(db, READ) == {}


def test_null_is_no_value(db: Connection) -> None:
    put(db, {"app_name": None, "app_version": None, "user_id": "u"})
    assert one(db, READ) == {"user_id": "u"}


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_empties_after_the_transaction(shared_database: str, end: str) -> None:
    with connect(shared_database) as conn:
        put(conn, dict.fromkeys(KEYS, "x") | {"app_version": "1.4.0"})
        getattr(conn, end)()
        assert one(conn, READ) == {}
        assert one(conn, "select dbkit.app_version_key()") is None
        assert one(conn, "select dbkit.context_value('user_id')") is None


def test_a_rolled_back_savepoint_restores_it(db: Connection) -> None:
    put(db, {"user_id": "outer"})
    with db.transaction(force_rollback=True):
        put(db, {"user_id": "inner"})
    assert one(db, READ) == {"user_id": "outer"}


@pytest.mark.parametrize(
    "context",
    [
        '{"role": "super_admin"}',
        '{"App_Name": "x"}',
        '{"": "x"}',
        '{"app_name ": "x"}',
        '{"clock": "2026-01-01"}',
        '{"app_version_key": "x"}',
        '{"user_id": 1}',
        '{"user_id": true}',
        '{"user_id": {}}',
        '{"user_id": ["u"]}',
        '{"user_id": ""}',
        '{"user_id": "a\\nb"}',
        '{"user_id": "a\\u0001"}',
        '{"user_id": "a\\u007f"}',
        '{"user_id": "\\t"}',
        "[]",
        '"x"',
        "null",
        "3",
        None,
    ],
)
def test_refuses_and_leaves_the_old_one(db: Connection, context: str | None) -> None:
    put(db, {"user_id": "u", "app_version": "1.0.0"})
    with raises(db, "KD001") as caught:
        one(db, SET, context)
    assert caught.hint
    assert one(db, READ) == {"user_id": "u", "app_version": "1.0.0"}


def test_names_the_key_that_is_wrong(db: Connection) -> None:
    with raises(db, "KD001") as caught:
        put(db, {"app_name": "x", "role": "super_admin"})
    assert caught.detail["key"] == "role"
    assert sorted(caught.detail["known"]) == sorted([*KEYS, "app_version"])


def test_length_is_in_characters(db: Connection) -> None:
    put(db, {"user_id": "😀" * 200})
    with raises(db, "KD001"):
        put(db, {"user_id": "x" * 201})


@pytest.mark.parametrize("version", ["1.4", "latest", "v1.4.0", " 1.4.0"])
def test_an_app_version_is_a_version(db: Connection, version: str) -> None:
    put(db, {"user_id": "u"})
    with raises(db, "KD002") as caught:
        put(db, {"app_version": version, "user_id": "other"})
    assert caught.detail == {"version": version}
    assert one(db, READ) == {"user_id": "u"}


@pytest.mark.parametrize(
    "value", ["it's", 'say "x"', "back\\slash", "{}", "%s", "$1", "; drop schema dbkit; --", "é 😀"]
)
def test_values_are_data(db: Connection, value: str) -> None:
    put(db, {"user_id": value, "app_name": value})
    assert one(db, READ) == {"user_id": value, "app_name": value}


def test_no_key_grants_a_right(db: Connection) -> None:
    for role in ("anon", "authenticated"):
        become(db, role, user_id="super_admin", client_id="service_role", app_name="postgres")
        assert one(db, "select dbkit.is_super_admin()") is False
        assert one(db, "select dbkit.caller_has_role('service_role')") is False
        unbecome(db)


def test_everybody_may_say_who_they_are(db: Connection) -> None:
    for role in ("anon", "authenticated", "service_role", "super_admin"):
        become(db, role, user_id="u")
        assert one(db, READ) == {"user_id": "u"}
        unbecome(db)
