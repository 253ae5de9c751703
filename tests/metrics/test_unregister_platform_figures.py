"""dbkit.unregister_platform_figures."""

from tests.helpers import Connection, become, one, raises

UNREGISTER = "select dbkit.unregister_platform_figures(%s)"


def test_removes_figures(db: Connection) -> None:
    assert one(db, UNREGISTER, "core") is True
    assert one(db, UNREGISTER, "core") is False
    found = one(
        db, "select count(*) from dbkit.get_platform_figures() where figure = 'connections_max'"
    )
    assert found == 0


def test_is_for_the_super_admin(db: Connection) -> None:
    become(db, "service_role")
    with raises(db, "42501"):
        one(db, UNREGISTER, "core")
