"""The entry point of v1: bare data, whatever is active."""

from tests.api.conftest import call, context, handler, register
from tests.helpers import Connection, become, one, raises

DISPATCH = "select dbkit.rpc_v1_dispatch(%s, %s)"


def test_answers_bare_data_of_its_version(db: Connection) -> None:
    for version in ("v1", "v2", "v3"):
        register(db, "echo", version, handler(db, f"echo_{version}"))
    become(db, "anon", api_version="v2")
    expected = {"handler": "echo_v1", "payload": {"a": 1}}
    assert one(db, DISPATCH, "echo", '{"a": 1}') == expected
    assert call(db, "echo", {"a": 1}, "v1")["data"] == expected


def test_payload_may_be_left_out(db: Connection) -> None:
    register(db, "echo", "v1", handler(db, "echo"))
    assert one(db, "select dbkit.rpc_v1_dispatch('echo')")["payload"] == {}


def test_raises_the_routers_errors(db: Connection) -> None:
    with raises(db, "KD101"):
        one(db, DISPATCH, "nothing", "{}")
    with raises(db, "KD105"):
        one(db, DISPATCH, "check_compatibility", '{"app_version": 3}')
    context(db, app_version="0.1.0")
    with raises(db, "KD104"):
        one(db, DISPATCH, "check_compatibility", "{}")
