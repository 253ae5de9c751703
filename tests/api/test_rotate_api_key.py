"""dbkit.rotate_api_key: a new secret, the old one for a while."""

from __future__ import annotations

import pytest

from tests.api.test_create_api_key import FIND, create, digest
from tests.helpers import Connection, become, connect, freeze_clock, one, raises, unbecome

ROTATE = "select dbkit.rotate_api_key(%s)"
WITH_OVERLAP = "select dbkit.rotate_api_key(%s, %s::interval)"


def test_the_old_secret_overlaps(db: Connection) -> None:
    freeze_clock(db, "2026-01-01T00:00:00Z")
    made = create(db)
    turned = one(db, ROTATE, made["key_id"])
    assert turned["key_id"] == made["key_id"]
    assert turned["previous_valid_until"].startswith("2026-01-02T00:00:00")
    assert one(db, FIND, digest(turned["secret"]))["expires_at"] is None
    old = one(db, FIND, digest(made["secret"]))
    assert old["expires_at"].startswith("2026-01-02")
    assert old["key_id"] == made["key_id"]
    freeze_clock(db, "2026-01-02T00:00:00Z")
    assert one(db, FIND, digest(made["secret"])) is None
    assert one(db, FIND, digest(turned["secret"]))


def test_no_rotation_prolongs_an_old_secret(db: Connection) -> None:
    freeze_clock(db, "2026-01-01T00:00:00Z")
    made = create(db)
    one(db, WITH_OVERLAP, made["key_id"], "1 hour")
    one(db, WITH_OVERLAP, made["key_id"], "30 days")
    assert one(db, FIND, digest(made["secret"]))["expires_at"].startswith("2026-01-01T01:00")


def test_zero_ends_all_of_them(db: Connection) -> None:
    made = create(db)
    first = one(db, ROTATE, made["key_id"])
    second = one(db, WITH_OVERLAP, made["key_id"], "0")
    assert second["previous_valid_until"] is None
    for gone in (made, first):
        assert one(db, FIND, digest(gone["secret"])) is None
    assert one(db, FIND, digest(second["secret"]))
    assert one(db, "select count(*) from dbkit.api_key_secrets") == 1


def test_gateways_are_told(database: str) -> None:
    with connect(database, autocommit=True) as conn:
        conn.execute("listen dbkit_api_keys")
        made = create(conn)
        one(conn, ROTATE, made["key_id"])
        assert [n.payload for n in conn.notifies(timeout=0)] == [made["key_id"]]


def test_refusals(db: Connection) -> None:
    freeze_clock(db, "2026-01-01T00:00:00Z")
    made = create(db, p_expires_at="2026-02-01T00:00:00Z")
    endless = ["infinity"] if db.info.server_version >= 170000 else []
    for overlap in ("-1 second", "31 days", None, *endless):
        with raises(db, "KD123"):
            one(db, WITH_OVERLAP, made["key_id"], overlap)
    for unknown in ("", "x", None, "0" * 16):
        with raises(db, "KD122") as caught:
            one(db, ROTATE, unknown)
        assert caught.hint
    freeze_clock(db, "2026-02-01T00:00:00Z")
    with raises(db, "KD124") as caught:
        one(db, ROTATE, made["key_id"])
    assert caught.hint
    other = create(db)
    one(db, "select dbkit.revoke_api_key(%s)", other["key_id"])
    with raises(db, "KD124"):
        one(db, ROTATE, other["key_id"])


def test_who_rotates_must_have_the_keys_role(db: Connection) -> None:
    """Else a service would learn a secret of an administrator's key."""
    made = create(db, p_role="super_admin")
    become(db, "service_role")
    with raises(db, "KD003"):
        one(db, ROTATE, made["key_id"])
    unbecome(db)
    become(db, "super_admin")
    assert one(db, ROTATE, made["key_id"])["secret"]


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_clients_may_not(db: Connection, role: str) -> None:
    become(db, role)
    with raises(db, "42501"):
        one(db, ROTATE, "x")
