"""Only membership makes a super admin."""

from tests.helpers import Connection, one

IS = "select dbkit.is_super_admin()"


def test_by_role(db: Connection) -> None:
    for role, is_admin in (
        ("anon", False),
        ("authenticated", False),
        ("service_role", False),
        ("super_admin", True),
    ):
        db.execute(f"set local role {role}".encode())
        assert one(db, IS) is is_admin
        db.execute("reset role")


def test_no_setting_and_no_claim_can_say_so(db: Connection) -> None:
    db.execute("set local role authenticated")
    for name, value in (
        ("request.jwt.claims", '{"role": "super_admin", "is_super_admin": true}'),
        ("request.jwt.claim.role", "super_admin"),
        ("request.headers", '{"x-role": "super_admin"}'),
        ("dbkit.role", "super_admin"),
        ("dbkit.is_super_admin", "true"),
        ("dbkit.user_id", "super_admin"),
    ):
        db.execute("select set_config(%s, %s, true)", [name, value])
    assert one(db, IS) is False
