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


def test_no_operator_of_the_callers_own_comes_before_those_that_read_the_claims(
    db: Connection,
) -> None:
    """Policies call it under the caller's search_path."""
    db.execute(
        "create schema mallory; grant usage on schema mallory to public;"
        " create function mallory.lie(jsonb, text) returns text language sql as $$"
        " select 'rival'::text $$; grant execute on function mallory.lie to public;"
        " create operator mallory.->> (leftarg = jsonb, rightarg = text, function = mallory.lie)"
    )
    become(db, "authenticated")
    claims = json.dumps({"organization_id": "acme"})
    db.execute("select set_config('request.jwt.claims', %s, true)", [claims])
    db.execute("set local search_path = mallory, pg_catalog, dbkit")
    assert one(db, "select '{}'::jsonb ->> 'a'") == "rival", "the control: it is in front"
    assert one(db, READ) == "acme"
