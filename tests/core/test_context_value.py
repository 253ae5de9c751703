"""One key of the context: what was said, and behind PostgREST the claims and headers."""

from __future__ import annotations

import pytest

from tests.helpers import Connection, one

VALUE = "select dbkit.context_value(%s)"


def settings(conn: Connection, name: str, value: str) -> None:
    conn.execute("select set_config(%s, %s, true)", [name, value])


@pytest.mark.parametrize(
    ("key", "header"),
    [
        ("app_name", "x-app-name"),
        ("app_version", "x-app-version"),
        ("api_version", "x-api-version"),
        ("client_id", "x-client-id"),
        ("region", "x-client-region"),
        ("request_id", "x-request-id"),
    ],
)
def test_headers_fill_in_what_was_not_said(db: Connection, key: str, header: str) -> None:
    settings(db, "request.headers", f'{{"{header}": "1.2.0"}}')
    assert one(db, VALUE, key) == "1.2.0"
    context = f'{{"{key}": "1.3.0"}}'
    db.execute("select dbkit.set_request_context(%s)", [context])
    assert one(db, VALUE, key) == "1.3.0"


@pytest.mark.parametrize(("key", "claim"), [("user_id", "sub"), ("organization_id",) * 2])
def test_claims_beat_what_the_client_says(db: Connection, key: str, claim: str) -> None:
    db.execute("select dbkit.set_request_context(%s)", [f'{{"{key}": "said"}}'])
    assert one(db, VALUE, key) == "said"
    settings(db, "request.jwt.claims", f'{{"{claim}": "verified"}}')
    settings(db, "request.headers", f'{{"x-{key.replace("_", "-")}": "header"}}')
    assert one(db, VALUE, key) == "verified"


def test_claims_without_a_user_mean_no_user(db: Connection) -> None:
    """An anonymous token must not leave room for a name that nobody verified."""
    db.execute("""select dbkit.set_request_context('{"user_id": "said"}')""")
    for claims in ('{"role": "anon"}', '{"sub": ""}', '{"sub": null}', "{}"):
        settings(db, "request.jwt.claims", claims)
        assert one(db, VALUE, "user_id") is None


def test_user_and_organization_never_come_from_a_header(db: Connection) -> None:
    settings(db, "request.headers", '{"x-user-id": "u", "x-organization-id": "o"}')
    assert one(db, VALUE, "user_id") is None
    assert one(db, VALUE, "organization_id") is None


def test_empty_settings_are_no_value(db: Connection) -> None:
    for name in ("dbkit.user_id", "request.jwt.claims", "request.headers", "dbkit.region"):
        settings(db, name, "")
    assert one(db, VALUE, "user_id") is None
    assert one(db, VALUE, "region") is None
    settings(db, "request.headers", '{"x-client-region": ""}')
    assert one(db, VALUE, "region") is None


def test_unknown_keys_have_no_value(db: Connection) -> None:
    for key in ("nothing", "", "a b", None):
        assert one(db, VALUE, key) is None
