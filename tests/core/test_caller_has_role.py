"""Whether the caller has a role's rights."""

import pytest

from tests.helpers import Connection, one

HAS = "select dbkit.caller_has_role(%s)"
ROLES = ("anon", "authenticated", "service_role", "super_admin")


@pytest.mark.parametrize(
    ("caller", "has"),
    [
        ("anon", {"anon"}),
        ("authenticated", {"authenticated"}),
        ("service_role", set(ROLES) - {"super_admin"}),
        ("super_admin", set(ROLES)),
    ],
)
def test_matrix(db: Connection, caller: str, has: set[str]) -> None:
    db.execute(f"set local role {caller}".encode())
    found = {role for role in ROLES if one(db, HAS, role)}
    assert found - {"super_admin"} == has - {"super_admin"}
    assert one(db, "select dbkit.is_super_admin()") == ("super_admin" in has)


def test_rights_by_membership_only_when_inherited(db: Connection) -> None:
    db.execute("create role clerk; grant authenticated to clerk; create role heir noinherit")
    db.execute("grant clerk to heir")
    if one(db, "select current_setting('server_version_num')::int") >= 160000:
        db.execute("grant clerk to heir with inherit false")
    for role, has in (("clerk", True), ("heir", False)):
        db.execute(f"set local role {role}".encode())
        # Neither has USAGE on the schema by itself: the function runs as a definer's helper would.
        db.execute("reset role")
        db.execute(f"grant usage on schema dbkit to {role}".encode())
        db.execute(f"grant execute on function dbkit.caller_has_role(text) to {role}".encode())
        db.execute(f"grant execute on function dbkit.caller_role() to {role}".encode())
        db.execute(f"set local role {role}".encode())
        assert one(db, HAS, "authenticated") is has
        db.execute("reset role")


def test_unknown_roles(db: Connection) -> None:
    db.execute("set local role anon")
    for role in ("nobody_at_all", "", "anon "):
        assert one(db, HAS, role) is False
    assert not one(db, HAS, None)
