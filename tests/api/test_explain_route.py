"""Why a call would be served as it would be; test_api_routes.py compares it with a model."""

from tests.api.conftest import context, handler, let_end, register, state
from tests.helpers import Connection, become, one, raises

EXPLAIN = "select dbkit.explain_route(%s, %s, %s)"


def test_tells_every_step(db: Connection) -> None:
    for version in ("v1", "v2", "v3"):
        register(db, "echo", version, handler(db, f"echo_{version}"))
    db.execute("select dbkit.switch_api_version('v3', 'v2')")
    db.execute("select dbkit.deprecate_api_version('v1', null, 'v3', '{[2020-01-01,)}')")
    context(db, app_version="1.1.0")
    assert one(db, EXPLAIN, "echo", "{}", "v3") == {
        "rpc": "echo",
        "asked_version": "v3",
        "asked_because": "requested",
        "served_version": "v1",
        "handler": "guest.echo_v1(jsonb)",
        "access": "read",
        "app_version": "1.1.0",
        "caller_role": one(db, "select session_user"),
        "allowed": True,
        "required_role": None,
        "payload_errors": [],
        "candidates": [
            {"version": "v3", "handler": "guest.echo_v3(jsonb)", "verdict": "needs app 1.4.0"},
            {"version": "v2", "handler": "guest.echo_v2(jsonb)", "verdict": "needs app 1.2.0"},
            {"version": "v1", "handler": "guest.echo_v1(jsonb)", "verdict": "brown-out"},
        ],
    }


def test_marks_sunset_versions(db: Connection) -> None:
    register(db, "echo", "v1", handler(db, "echo"))
    db.execute("select dbkit.switch_api_version('v3', 'v2')")
    let_end(db, "v1")
    found = one(db, EXPLAIN, "echo", "{}", None)
    assert [c["verdict"] for c in found["candidates"]] == ["sunset"]
    assert (found["served_version"], found["allowed"]) == (None, False)


def test_runs_nothing(db: Connection) -> None:
    body = "begin raise exception 'ran'; end"
    register(db, "put", "v2", handler(db, "put", body, "volatile"), "write")
    before = state(db)
    db.execute("set transaction read only")
    found = one(db, EXPLAIN, "put", '{"idempotency_key": "k"}', None)
    assert (found["served_version"], found["access"]) == ("v2", "write")
    assert state(db) == before


def test_tells_rights_and_payload_errors(db: Connection) -> None:
    schema = {"type": "object", "required": ["a"]}
    register(db, "echo", "v2", handler(db, "echo"), role="service_role", schema=schema)
    become(db, "authenticated")
    found = one(db, EXPLAIN, "echo", "{}", None)
    assert (found["allowed"], found["required_role"]) == (False, "service_role")
    assert found["caller_role"] == "authenticated"
    assert found["payload_errors"] == [
        {"path": "/a", "keyword": "required", "message": "is required"}
    ]


def test_unknown_call_and_version(db: Connection) -> None:
    found = one(db, EXPLAIN, "nothing", None, None)
    assert (found["served_version"], found["candidates"]) == (None, [])
    with raises(db, "KD102"):
        one(db, EXPLAIN, "get_features", "{}", "v9")
