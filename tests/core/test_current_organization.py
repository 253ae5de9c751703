"""dbkit.current_organization: whose rows a statement is about."""

import json

from tests.helpers import Connection, become, one

READ = "select dbkit.current_organization()"


def test_is_default_when_none_is_said(db: Connection) -> None:
    assert one(db, READ) == "default"


def test_is_that_of_the_context(db: Connection) -> None:
    become(db, "authenticated", organization_id="acme")
    assert one(db, READ) == "acme"


def test_a_claim_is_stronger_than_the_context(db: Connection) -> None:
    become(db, "authenticated", organization_id="acme")
    claims = json.dumps({"organization_id": "rival"})
    db.execute("select set_config('request.jwt.claims', %s, true)", [claims])
    assert one(db, READ) == "rival"
    db.execute("select set_config('request.jwt.claims', %s, true)", ['{"sub": "u"}'])
    assert one(db, READ) == "default"
