"""Sort key of the calling app."""

from tests.helpers import Connection, one, raises

KEY = "select dbkit.app_version_key()"


def test_is_the_semver_key_of_the_context(db: Connection) -> None:
    assert one(db, KEY) is None
    db.execute("""select dbkit.set_request_context('{"app_version": "1.4.0-rc.1"}')""")
    assert one(db, f"{KEY} = dbkit.semver_key('1.4.0-rc.1')")


def test_reads_the_header_behind_postgrest(db: Connection) -> None:
    db.execute("""select set_config('request.headers', '{"x-app-version": "1.2.0"}', true)""")
    assert one(db, f"{KEY} = dbkit.semver_key('1.2.0')")


def test_refuses_a_header_that_is_no_version(db: Connection) -> None:
    db.execute("""select set_config('request.headers', '{"x-app-version": "new"}', true)""")
    with raises(db, "KD002"):
        one(db, KEY)
