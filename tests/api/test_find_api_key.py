"""dbkit.find_api_key: the valid key to which a secret belongs."""

from __future__ import annotations

import pytest

from tests.api.test_create_api_key import FIND, create, digest
from tests.helpers import Connection, become, freeze_clock, one, raises


def test_an_unknown_digest_finds_nothing(db: Connection) -> None:
    create(db)
    for asked in ("", "0" * 64, "x", None, "%"):
        assert one(db, FIND, asked) is None


def test_the_secret_itself_finds_nothing(db: Connection) -> None:
    assert one(db, FIND, create(db)["secret"]) is None


def test_an_expired_key_is_gone_at_once(db: Connection) -> None:
    freeze_clock(db, "2026-01-01T00:00:00Z")
    made = create(db, p_expires_at="2026-01-02T00:00:00Z")
    assert one(db, FIND, digest(made["secret"]))["expires_at"].startswith("2026-01-02")
    freeze_clock(db, "2026-01-01T23:59:59Z")
    assert one(db, FIND, digest(made["secret"]))
    freeze_clock(db, "2026-01-02T00:00:00Z")
    assert one(db, FIND, digest(made["secret"])) is None


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_is_for_services(db: Connection, role: str) -> None:
    become(db, role)
    with raises(db, "42501"):
        one(db, FIND, "0" * 64)
