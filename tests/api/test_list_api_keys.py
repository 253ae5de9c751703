"""dbkit.list_api_keys: which keys there are, with nothing of their secrets."""

from __future__ import annotations

import json

import pytest

from tests.api.test_create_api_key import create, digest
from tests.helpers import Connection, become, freeze_clock, one, raises, rows

LIST = "select * from dbkit.list_api_keys()"


def test_says_what_became_of_each(db: Connection) -> None:
    freeze_clock(db, "2026-01-01T00:00:00Z")
    become(db, "service_role")
    made = [create(db, name, p_expires_at="2026-01-03T00:00:00Z") for name in ("c", "a", "b")]
    made.append(create(db, "d", p_organization_id="acme", p_description="the till"))
    one(db, "select dbkit.revoke_api_key(%s)", made[1]["key_id"])
    one(db, "select dbkit.rotate_api_key(%s)", made[3]["key_id"])
    freeze_clock(db, "2026-01-02T00:00:00Z")
    found = rows(db, LIST)
    assert [f["consumer"] for f in found] == ["a", "b", "c", "d"]
    assert [f["status"] for f in found] == ["revoked", "active", "active", "active"]
    freeze_clock(db, "2026-01-04T00:00:00Z")
    found = rows(db, LIST)
    assert [f["status"] for f in found] == ["revoked", "expired", "expired", "active"]
    assert [f["valid_secrets"] for f in found] == [0, 0, 0, 1]
    assert (found[3]["organization_id"], found[3]["description"]) == ("acme", "the till")
    assert found[3]["rotated_at"]
    assert {f["created_by"] for f in found} == {"service_role"}
    told = json.dumps(found, default=str)
    for each in made:
        assert each["secret"][-43:] not in told
        assert digest(each["secret"]) not in told


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_is_for_services(db: Connection, role: str) -> None:
    become(db, role)
    with raises(db, "42501"):
        db.execute(LIST)
