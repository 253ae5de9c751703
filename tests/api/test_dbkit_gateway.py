"""The role dbkit_gateway: who may make it, and what a database owner is told who may not."""

from __future__ import annotations

from dbkit import sqltree
from tests.helpers import Connection, one, raises, rows

FILE = sqltree.shipped_root() / "sql" / "api" / "schema" / "dbkit_gateway.sql"
MAKE = FILE.read_text().partition("grant usage on schema")[0].encode()
MEMBER = """
select r.rolname, pg_has_role('dbkit_gateway', r.oid, 'member') as member,
  pg_has_role('dbkit_gateway', r.oid, 'usage') as usage
from pg_roles r where r.rolname = any (%s)
"""
GIVEN = ["anon", "authenticated", "service_role"]


def without_the_role(db: Connection) -> None:
    """Until the rollback: roles are the cluster's, and other databases use this one."""
    db.execute("alter role dbkit_gateway rename to dbkit_gateway_before")
    db.execute("create role owner_of_one createrole")


def as_owner(db: Connection) -> None:
    db.execute("set local session authorization owner_of_one")


def test_a_role_that_may_grant_makes_it(db: Connection) -> None:
    without_the_role(db)
    db.execute("grant anon, authenticated, service_role to owner_of_one with admin option")
    as_owner(db)
    db.execute(MAKE)
    found = rows(db, MEMBER, [*GIVEN, "super_admin"])
    assert {f["rolname"]: (f["member"], f["usage"]) for f in found} == {
        **dict.fromkeys(GIVEN, (True, False)),
        "super_admin": (False, False),
    }


def test_making_it_again_changes_nothing(db: Connection) -> None:
    seen = "select count(*) from pg_auth_members"
    before = one(db, seen)
    db.execute(MAKE)
    assert one(db, seen) == before


def test_a_role_that_may_not_is_told_what_to_do(db: Connection) -> None:
    without_the_role(db)
    db.execute("alter role owner_of_one nocreaterole")
    with raises(db, "42501") as caught:
        as_owner(db)
        db.execute(MAKE)
    assert "dbkit_gateway" in caught.message
    assert "create role dbkit_gateway nologin noinherit" in caught.hint
    assert "grant anon, authenticated, service_role to dbkit_gateway" in caught.hint
    db.execute("create role dbkit_gateway nologin noinherit")
    with raises(db, "42501") as caught:
        as_owner(db)
        db.execute(MAKE)
    assert "grant anon" in caught.hint


def test_what_the_hint_says_is_enough(db: Connection) -> None:
    without_the_role(db)
    db.execute("alter role owner_of_one nocreaterole")
    db.execute("create role dbkit_gateway nologin noinherit")
    db.execute("grant anon, authenticated, service_role to dbkit_gateway")
    as_owner(db)
    db.execute(MAKE)
    found = rows(db, MEMBER, GIVEN)
    assert all(f["member"] and not f["usage"] for f in found)
