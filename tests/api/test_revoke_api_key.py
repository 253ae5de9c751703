"""dbkit.revoke_api_key: the end of a key, with all its secrets."""

from __future__ import annotations

import pytest

from tests.api.test_create_api_key import FIND, create, digest
from tests.helpers import Connection, become, connect, one, raises, row

REVOKE = "select dbkit.revoke_api_key(%s, %s)"


def test_ends_every_secret(db: Connection) -> None:
    made = create(db)
    turned = one(db, "select dbkit.rotate_api_key(%s)", made["key_id"])
    become(db, "service_role")
    assert one(db, REVOKE, made["key_id"], "leaked") is True
    for secret in (made["secret"], turned["secret"]):
        assert one(db, FIND, digest(secret)) is None
    kept = row(db, "select * from dbkit.list_api_keys()")
    assert (kept["status"], kept["revoked_reason"], kept["valid_secrets"]) == (
        "revoked",
        "leaked",
        0,
    )
    assert one(db, REVOKE, made["key_id"], "again") is False
    assert row(db, "select * from dbkit.list_api_keys()")["revoked_reason"] == "leaked"


def test_gateways_are_told_each_time(database: str) -> None:
    with connect(database, autocommit=True) as conn:
        conn.execute("listen dbkit_api_keys")
        key_id = create(conn)["key_id"]
        one(conn, REVOKE, key_id, "")
        one(conn, REVOKE, key_id, "")
        assert [n.payload for n in conn.notifies(timeout=0)] == [key_id, key_id]


def test_refusals(db: Connection) -> None:
    for unknown in ("", None, "x" * 5000):
        with raises(db, "KD122"):
            one(db, REVOKE, unknown, "")
    with raises(db, "KD123"):
        one(db, REVOKE, create(db)["key_id"], "x" * 1001)


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_clients_may_not(db: Connection, role: str) -> None:
    become(db, role)
    with raises(db, "42501"):
        one(db, REVOKE, "x", "")
