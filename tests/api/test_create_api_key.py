"""dbkit.create_api_key: who may, for which roles, and what is kept of the secret."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from tests.helpers import Connection, become, freeze_clock, one, raises, rows, unbecome

FIND = "select dbkit.find_api_key(%s)"


def create(conn: Connection, consumer: str | None = "shop", **arguments: object) -> Any:
    named = "".join(f", {name} => %s" for name in arguments)
    statement = f"select dbkit.create_api_key(%s{named})"
    return one(conn, statement, consumer, *arguments.values())


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def test_the_secret_is_told_once_and_only_its_digest_kept(db: Connection) -> None:
    become(db, "service_role")
    made = create(
        db, p_scopes=["get_*", "place_order"], p_organization_id="acme", p_description="till"
    )
    unbecome(db)
    prefix, key_id, secret = made["secret"].split("_", 2)
    assert (prefix, key_id) == ("dbk", made["key_id"])
    assert len(key_id) == 16
    assert len(secret) == 43
    assert made["role"] == "authenticated"
    assert made["expires_at"] is None
    kept = rows(db, "select to_jsonb(k)::text || to_jsonb(s)::text as t from dbkit.api_keys k"
                    " join dbkit.api_key_secrets s using (key_id)")  # fmt: skip
    assert len(kept) == 1
    assert secret not in kept[0]["t"]
    assert digest(made["secret"]) in kept[0]["t"]
    found = one(db, FIND, digest(made["secret"]))
    assert found == {
        "key_id": key_id,
        "consumer": "shop",
        "role": "authenticated",
        "scopes": ["get_*", "place_order"],
        "organization_id": "acme",
        "expires_at": None,
    }


def test_secrets_differ(db: Connection) -> None:
    made = [create(db) for _ in range(50)]
    assert len({m["secret"] for m in made}) == len({m["key_id"] for m in made}) == 50


@pytest.mark.parametrize(
    ("creator", "roles"),
    [
        ("service_role", {"anon", "authenticated", "service_role"}),
        ("super_admin", {"anon", "authenticated", "service_role", "super_admin"}),
    ],
)
def test_no_key_has_a_role_that_its_creator_lacks(
    db: Connection, creator: str, roles: set[str]
) -> None:
    db.execute("create role kitchen; grant kitchen to dbkit_gateway")
    become(db, creator)
    for role in ("anon", "authenticated", "service_role", "super_admin", "kitchen"):
        if role in roles:
            assert create(db, p_role=role)["role"] == role
            continue
        with raises(db, "KD003") as caught:
            create(db, p_role=role)
        assert caught.detail == {"required_role": role, "caller_role": creator}
        assert caught.hint
    unbecome(db)
    db.execute("grant kitchen to service_role")
    become(db, "service_role")
    assert create(db, p_role="kitchen")["role"] == "kitchen"


@pytest.mark.parametrize("role", ["none", "", "nobody", "dbkit_gateway", "postgres", "-", None])
def test_a_role_that_no_gateway_switches_to(db: Connection, role: str | None) -> None:
    with raises(db, "KD123") as caught:
        create(db, p_role=role)
    assert caught.detail["argument"] == "p_role"
    assert caught.hint


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_clients_may_not(db: Connection, role: str) -> None:
    become(db, role, user_id="u")
    with raises(db, "42501"):
        create(db)


BAD: list[tuple[str, dict[str, object]]] = [
    ("p_consumer", {"consumer": ""}),
    ("p_consumer", {"consumer": None}),
    ("p_consumer", {"consumer": "x" * 201}),
    ("p_consumer", {"consumer": "a\nb"}),
    ("p_scopes", {"p_scopes": []}),
    ("p_scopes", {"p_scopes": None}),
    ("p_scopes", {"p_scopes": [None]}),
    ("p_scopes", {"p_scopes": ["*x"]}),
    ("p_scopes", {"p_scopes": ["get_%"]}),
    ("p_scopes", {"p_scopes": ["Get"]}),
    ("p_scopes", {"p_scopes": ["a"] * 101}),
    ("p_organization_id", {"p_organization_id": ""}),
    ("p_organization_id", {"p_organization_id": "a\tb"}),
    ("p_expires_at", {"p_expires_at": "2026-01-01T00:00:00Z"}),
    ("p_expires_at", {"p_expires_at": "-infinity"}),
    ("p_description", {"p_description": "x" * 1001}),
]


@pytest.mark.parametrize(("argument", "arguments"), BAD)
def test_what_is_no_key(db: Connection, argument: str, arguments: dict[str, Any]) -> None:
    freeze_clock(db, "2026-01-01T00:00:00Z")
    if argument == "p_scopes" and arguments["p_scopes"] == []:
        arguments = {"p_scopes": "{}"}
    with raises(db, "KD123") as caught:
        create(db, **arguments)
    assert caught.detail == {"argument": argument}
    assert rows(db, "select from dbkit.api_keys") == []
