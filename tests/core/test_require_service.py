"""The gate of what services do."""

from tests.helpers import Connection, become, one, raises, unbecome

REQUIRE = "select dbkit.require_service('sweeping')"


def test_lets_service_and_admin_through(db: Connection) -> None:
    for role in ("service_role", "super_admin"):
        become(db, role)
        one(db, REQUIRE)
        unbecome(db)


def test_says_what_is_missing(db: Connection) -> None:
    for role in ("anon", "authenticated"):
        become(db, role)
        with raises(db, "KD003") as caught:
            one(db, REQUIRE)
        assert caught.message.startswith("sweeping needs the role service_role")
        assert caught.detail == {"required_role": "service_role", "caller_role": role}
        assert caught.hint
        unbecome(db)
