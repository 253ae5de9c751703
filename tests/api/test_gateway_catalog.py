"""dbkit.gateway_catalog: what a gateway keeps of the registry, and when it reads it again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import handler, register
from tests.helpers import Connection, become, connect, one, unbecome

CATALOG = "select dbkit.gateway_catalog()"


def test_says_versions_calls_and_which_is_active(db: Connection) -> None:
    register(db, "echo", "v1", handler(db, "echo"), role="authenticated", schema={"type": "object"})
    db.execute("select dbkit.deprecate_api_version('v1', '2100-01-01', 'v3')")
    found = one(db, CATALOG)
    assert (found["active_version"], found["fallback_version"]) == ("v2", "v1")
    assert [v["version"] for v in found["versions"]] == ["v1", "v2", "v3"]
    old = found["versions"][0]
    assert (old["status"], old["successor"]) == ("deprecated", "v3")
    assert old["sunset_at"].startswith("2100-01-01")
    (echo,) = [c for c in found["calls"] if c["name"] == "echo"]
    assert echo == {
        "name": "echo",
        "version": "v1",
        "access": "read",
        "required_role": "authenticated",
        "description": "",
        "request_schema": {"type": "object"},
        "response_schema": None,
        "compatible_with": [],
    }
    names = [(c["name"], c["version"]) for c in found["calls"]]
    assert names == sorted(names)


def test_the_revisions_count_changes(db: Connection) -> None:
    before = one(db, CATALOG)
    register(db, "echo", "v3", handler(db, "echo"))
    after = one(db, CATALOG)
    assert after["routes_revision"] > before["routes_revision"]
    assert after["revision"] == before["revision"]
    db.execute("select dbkit.switch_api_version('v3')")
    switched = one(db, CATALOG)
    assert (switched["revision"], switched["active_version"]) == (before["revision"] + 1, "v3")


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role", "super_admin"])
def test_limits_are_for_services(db: Connection, role: str) -> None:
    db.execute("select dbkit.set_rate_limit('*', 'get_features', 10, 60)")
    become(db, role)
    expected = [
        {"consumer": "*", "call": "get_features", "max_calls": 10, "window_seconds": 60},
    ]
    is_service = role in ("service_role", "super_admin")
    assert one(db, CATALOG)["rate_limits"] == (expected if is_service else [])


def heard(conn: Connection) -> list[tuple[str, str]]:
    return [(n.channel, n.payload) for n in conn.notifies(timeout=0)]


def test_changes_are_told_once_a_transaction(database: str) -> None:
    with (
        connect(database, autocommit=True) as conn,
        connect(database, autocommit=True) as listener,
    ):
        listener.execute("listen dbkit_api_calls")
        signature = handler(conn, "echo")
        changes: list[tuple[str, Any]] = [
            ("register_rpc", "select dbkit.register_rpc('echo', 'v1', %s)"),
            ("register_api_version", "select dbkit.register_api_version('v9', '9.0.0')"),
            ("deprecate", "select dbkit.deprecate_api_version('v9')"),
            ("sunset", "select dbkit.sunset_api_version('v9')"),
            ("unregister_rpc", "select dbkit.unregister_rpc('echo', 'v1')"),
        ]
        for name, statement in changes:
            conn.execute(statement, [signature] if "%s" in statement else None)
            listener.execute("select 1")
            assert heard(listener) == [("dbkit_api_calls", "")], name
        with conn.transaction():
            for version in ("v1", "v2", "v3"):
                register(conn, "echo", version, signature)
        listener.execute("select 1")
        assert heard(listener) == [("dbkit_api_calls", "")]
        with conn.transaction(force_rollback=True):
            register(conn, "other", "v1", signature)
        listener.execute("select 1")
        assert heard(listener) == []


def test_a_reader_without_the_limits_gets_the_rest(db: Connection) -> None:
    become(db, "anon")
    seen = one(db, CATALOG)
    unbecome(db)
    assert {**one(db, CATALOG), "rate_limits": []} == {**seen, "rate_limits": []}
