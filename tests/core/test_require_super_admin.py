"""The gate of every operator's function."""

from tests.helpers import Connection, become, one, raises, unbecome

REQUIRE = "select dbkit.require_super_admin('painting the door')"


def test_lets_super_admin_through(db: Connection) -> None:
    become(db, "super_admin")
    one(db, REQUIRE)


def test_says_what_is_missing(db: Connection) -> None:
    for role in ("anon", "authenticated", "service_role"):
        become(db, role)
        with raises(db, "KD003") as caught:
            one(db, REQUIRE)
        assert caught.message.startswith("painting the door needs the role super_admin")
        assert caught.detail == {"required_role": "super_admin", "caller_role": role}
        assert "super_admin" in caught.hint
        unbecome(db)
