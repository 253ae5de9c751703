"""Table active_api_version: one row, for ever."""

from tests.helpers import Connection, raises


def test_there_is_one_row(db: Connection) -> None:
    with raises(db, "23505"):
        db.execute(
            "insert into dbkit.active_api_version (current_version, fallback_version)"
            " values ('v3', 'v2')"
        )
    with raises(db, "23514"):
        db.execute(
            "insert into dbkit.active_api_version (id, current_version, fallback_version)"
            " values (2, 'v3', 'v2')"
        )


def test_current_and_fallback_differ_and_exist(db: Connection) -> None:
    with raises(db, "23514"):
        db.execute("update dbkit.active_api_version set fallback_version = current_version")
    with raises(db, "23503"):
        db.execute("update dbkit.active_api_version set current_version = 'v9'")


def test_an_active_version_cannot_be_deleted(db: Connection) -> None:
    db.execute("delete from dbkit.api_rpcs")
    with raises(db, "23503"):
        db.execute("delete from dbkit.api_versions where version = 'v2'")
