"""`dbkit gateway`: API keys and rate limits."""

from __future__ import annotations

import datetime
import hashlib
import json
import re
from typing import Any

import pytest

from tests.cli.running import document, done, failed, run
from tests.helpers import connect, one, rows


def found(url: str, secret: str) -> Any:
    with connect(url) as conn:
        digest = hashlib.sha256(secret.encode()).hexdigest()
        return one(conn, "select dbkit.find_api_key(%s)", digest)


def test_a_key_is_made_shown_once_and_listed_without_its_secret(database: str) -> None:
    shown = done("gateway", "keys", "create", "acme-shop", "--scope", "get_*", url=database)
    secret = re.search(r"dbk_\S+", shown)
    assert secret is not None and "not shown again" in shown
    assert found(database, secret[0])["scopes"] == ["get_*"]
    listed = done("gateway", "keys", "list", url=database)
    assert "acme-shop" in listed and secret[0] not in listed and secret[0][21:] not in listed


def test_a_key_has_role_scopes_organization_and_an_end(database: str) -> None:
    options = ["--as", "service_role", "--scope", "get_*", "--scope", "place_order"]
    options += ["--organization", "acme", "--days", "30", "--description", "till 4"]
    made = document("gateway", "keys", "create", "acme-shop", *options, url=database)
    (key,) = document("gateway", "keys", "list", url=database)["keys"]
    assert key["key_id"] == made["key_id"] and "secret" not in json.dumps(key).replace(
        "valid_secrets", ""
    )
    assert (key["role"], key["scopes"]) == ("service_role", ["get_*", "place_order"])
    assert (key["organization_id"], key["status"], key["description"]) == (
        "acme",
        "active",
        "till 4",
    )
    ends = datetime.datetime.fromisoformat(key["expires_at"])
    left = ends - datetime.datetime.now(datetime.UTC)
    assert datetime.timedelta(days=29) < left <= datetime.timedelta(days=30)


def test_an_end_is_a_time_or_days(database: str) -> None:
    create = ("gateway", "keys", "create", "acme")
    made = document(*create, "--expires", "2999-01-31", url=database)
    assert made["expires_at"].startswith("2999-01-31")
    assert run(*create, "--expires", "2999-01-31", "--days", "3", url=database).exit_code == 2
    assert run(*create, "--expires", "soon", url=database).exit_code == 2
    assert failed(*create, "--expires", "1999-01-31", url=database)["sqlstate"] == "KD123"


def test_a_rotated_key_has_two_secrets_for_a_while(database: str) -> None:
    made = document("gateway", "keys", "create", "acme", url=database)
    rotated = document("gateway", "keys", "rotate", made["key_id"], url=database)
    assert found(database, made["secret"]) and found(database, rotated["secret"])
    assert made["secret"] != rotated["secret"]
    shown = done("gateway", "keys", "rotate", made["key_id"], "--overlap-hours", "0", url=database)
    assert "ended" in shown and "not shown again" in shown
    assert found(database, made["secret"]) is None
    assert found(database, rotated["secret"]) is None


def test_a_revoked_key_is_over(database: str) -> None:
    made = document("gateway", "keys", "create", "acme", url=database)
    shown = done("gateway", "keys", "revoke", made["key_id"], "--reason", "leaked", url=database)
    assert "revoked" in shown
    assert found(database, made["secret"]) is None
    again = document("gateway", "keys", "revoke", made["key_id"], url=database)
    assert again == {"key_id": made["key_id"], "revoked": False}
    (key,) = document("gateway", "keys", "list", url=database)["keys"]
    assert (key["status"], key["revoked_reason"]) == ("revoked", "leaked")
    error = failed("gateway", "keys", "rotate", made["key_id"], url=database)
    assert error["sqlstate"] == "KD124"
    assert failed("gateway", "keys", "revoke", "nope", url=database)["sqlstate"] == "KD122"


def test_limits_are_set_changed_listed_and_removed(database: str) -> None:
    set_ = ("gateway", "limits", "set")
    assert "60 s" in done(*set_, "100", url=database)
    document(
        *set_, "5", "--per", "hour", "--consumer", "key:k1", "--call", "place_order", url=database
    )
    changed = document(*set_, "200", "--per", "90", url=database)
    assert changed == {"consumer": "*", "call": "*", "max_calls": 200, "window_seconds": 90}
    listed = document("gateway", "limits", "list", url=database)["limits"]
    figures = {(e["consumer"], e["call"]): (e["max_calls"], e["window_seconds"]) for e in listed}
    assert figures == {("*", "*"): (200, 90), ("key:k1", "place_order"): (5, 3600)}
    assert "place_order" in done("gateway", "limits", "list", url=database)
    assert document("gateway", "limits", "remove", url=database)["removed"] is True
    assert "no limit" in done("gateway", "limits", "remove", url=database)
    with connect(database) as conn:
        assert len(rows(conn, "select from dbkit.api_rate_limits")) == 1


@pytest.mark.parametrize("wrong", [["--per", "fortnight"], ["--per", "1.5"]])
def test_a_window_is_a_word_or_seconds(database: str, wrong: list[str]) -> None:
    assert run("gateway", "limits", "set", "5", *wrong, url=database).exit_code == 2


def test_it_needs_service_role(database: str) -> None:
    commands = [
        ("keys", "create", "x"),
        ("keys", "list"),
        ("keys", "rotate", "x"),
        ("keys", "revoke", "x"),
        ("limits", "set", "1"),
        ("limits", "list"),
        ("limits", "remove"),
    ]
    for command in commands:
        error = failed("gateway", *command, "--role", "authenticated", url=database)
        assert error["sqlstate"] == "42501"
