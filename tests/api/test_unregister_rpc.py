"""Taking a call out of a version."""

from tests.api.conftest import call, handler, register, state
from tests.helpers import Connection, one, raises


def test_an_older_version_serves_again(db: Connection) -> None:
    register(db, "echo", "v1", handler(db, "old"))
    register(db, "echo", "v2", handler(db, "new"))
    assert call(db, "echo")["data"]["handler"] == "new"
    assert one(db, "select dbkit.unregister_rpc('echo', 'v2')") is True
    assert call(db, "echo")["data"]["handler"] == "old"


def test_the_last_version_makes_the_call_unknown(db: Connection) -> None:
    before = state(db)
    register(db, "echo", "v1", handler(db, "old"))
    assert one(db, "select dbkit.unregister_rpc('echo', 'v1')") is True
    with raises(db, "KD101"):
        call(db, "echo")
    after = state(db)
    assert after["dispatcher"] == before["dispatcher"]
    assert after["routes"] == before["routes"]


def test_what_was_not_there(db: Connection) -> None:
    before = state(db)
    for name, version in (("nothing", "v1"), ("get_features", "v1"), (None, None)):
        assert one(db, "select dbkit.unregister_rpc(%s, %s)", name, version) is False
    assert state(db) == before


def test_the_handler_stays(db: Connection) -> None:
    register(db, "echo", "v1", handler(db, "old"))
    db.execute("select dbkit.unregister_rpc('echo', 'v1')")
    assert one(db, "select guest.old('{}') ->> 'handler'") == "old"
