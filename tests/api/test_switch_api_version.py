"""One pointer: compare-and-set, audited, announced at the commit; nothing half done."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.api.conftest import call, handler, in_parallel, let_end, outcome, register, state
from tests.helpers import Connection, become, connect, freeze_clock, one, raises, row, rows

SWITCH = "select dbkit.switch_api_version(%s, %s, %s)"


def switch(
    conn: Connection, new: str, fallback: str | None = None, revision: int | None = None
) -> Any:
    return one(conn, SWITCH, new, fallback, revision)


def test_moves_the_pointer_and_says_what_it_did(db: Connection) -> None:
    freeze_clock(db, "2026-03-01T00:00:00Z")
    answer = switch(db, "v3", "v1")
    found = row(db, "select * from dbkit.get_active_api_version()")
    assert answer == {
        "success": True,
        "previous_version": "v2",
        "current_version": "v3",
        "fallback_version": "v1",
        "revision": 2,
        "deployment_id": found["deployment_id"],
    }
    assert (found["current_version"], found["fallback_version"]) == ("v3", "v1")
    assert (found["revision"], found["updated_at"].isoformat()) == (2, "2026-03-01T00:00:00+00:00")
    assert call(db, "get_features")["meta"]["version"] == "v3"


def test_the_documents_statement_runs_as_written(database: str) -> None:
    with connect(database) as conn:
        assert one(conn, "select switch_api_version('v3', 'v2')")["success"] is True


def test_writes_one_audit_row_in_the_switchers_name(db: Connection) -> None:
    become(db, "super_admin")
    answer = switch(db, "v3", "v2")
    found = row(db, "select * from dbkit.deployment_log where kind = 'api_switch'")
    assert found["deployment_id"] == answer["deployment_id"]
    assert (found["version"], found["deployed_by"]) == ("v3", "super_admin")
    assert found["status"] == "success"
    assert found["details"] == {"previous_version": "v2", "fallback_version": "v2", "revision": 2}
    assert one(db, "select updated_by from dbkit.active_api_version") == "super_admin"


@pytest.mark.parametrize(
    ("new", "taken"), [("v3", "v2"), ("v2", "v1"), ("v1", "v2")], ids=["down", "down1", "previous"]
)
def test_default_fallback_is_the_next_older_version(db: Connection, new: str, taken: str) -> None:
    assert switch(db, new)["fallback_version"] == taken


def test_default_fallback_skips_sunset_versions(db: Connection) -> None:
    switch(db, "v3", "v1")
    db.execute("select dbkit.sunset_api_version('v2')")
    assert switch(db, "v3")["fallback_version"] == "v1"


def test_default_fallback_of_the_lowest_version_switched_to_itself(db: Connection) -> None:
    switch(db, "v1")
    assert switch(db, "v1")["fallback_version"] == "v2"


def test_no_fallback_at_all(db: Connection) -> None:
    db.execute("delete from dbkit.feature_flags; delete from dbkit.api_rpcs where version <> 'v2'")
    db.execute("update dbkit.active_api_version set fallback_version = 'v3'")
    db.execute("delete from dbkit.api_versions where version = 'v1'")
    db.execute("update dbkit.api_versions set sunset_at = '2020-01-01' where version = 'v3'")
    with raises(db, "KD106"):
        switch(db, "v2")


def test_switching_to_the_active_version_counts(db: Connection) -> None:
    answer = switch(db, "v2", "v3")
    assert (answer["previous_version"], answer["fallback_version"]) == ("v2", "v3")
    assert answer["revision"] == 2


def test_expected_revision(db: Connection) -> None:
    assert switch(db, "v3", revision=1)["revision"] == 2
    before = state(db)
    with raises(db, "KD113") as caught:
        switch(db, "v2", revision=1)
    assert caught.detail == {"revision": 2, "expected_revision": 1, "current_version": "v3"}
    assert caught.hint
    assert state(db) == before


@pytest.mark.parametrize(
    ("new", "fallback", "sqlstate"),
    [
        ("v9", None, "KD102"),
        (None, None, "KD102"),
        ("", None, "KD102"),
        ("v3", "v9", "KD102"),
        ("v3", "v3", "KD106"),
        ("v3", "v1", "KD106"),
        ("v1", "v2", "KD103"),
    ],
)
def test_refuses_and_leaves_everything(
    db: Connection, new: str | None, fallback: str | None, sqlstate: str
) -> None:
    switch(db, "v2", "v3")
    freeze_clock(db, "2026-01-01T00:00:00Z")
    db.execute("select dbkit.deprecate_api_version('v1', '2026-01-02T00:00:00Z')")
    freeze_clock(db, "2026-01-02T00:00:00Z")
    before = state(db)
    with raises(db, sqlstate) as caught:
        one(db, SWITCH, new, fallback, None)
    assert caught.detail
    assert caught.hint
    assert state(db) == before


def test_lists_the_promised_calls_that_do_not_resolve(db: Connection) -> None:
    write = handler(db, "put", volatility="volatile")
    register(db, "gone", "v1", handler(db, "gone"))
    register(db, "put", "v1", write, "write")
    db.execute("drop function guest.gone(jsonb)")
    before = state(db)
    with raises(db, "KD107") as caught:
        switch(db, "v3")
    assert [c["name"] for c in caught.detail["calls"]] == ["gone", "put"]
    reasons = [c["reason"] for c in caught.detail["calls"]]
    assert reasons[0] == "the handler guest.gone(jsonb) does not exist"
    assert "compatible_with v3" in reasons[1]
    assert caught.hint
    assert state(db) == before
    handler(db, "gone")
    register(db, "put", "v1", write, "write", compatible_with=["v3"])
    assert switch(db, "v3")["success"]


def test_says_that_a_promised_call_went_with_a_sunset(db: Connection) -> None:
    register(db, "old", "v1", handler(db, "old"))
    switch(db, "v3", "v2")
    let_end(db, "v1")
    with raises(db, "KD107") as caught:
        switch(db, "v2", "v3")
    (broken,) = caught.detail["calls"]
    assert broken == {"name": "old", "reason": "every version that served it has been sunset"}


def test_calls_of_newer_versions_are_no_promise(db: Connection) -> None:
    register(db, "later", "v3", handler(db, "later"))
    db.execute("drop function guest.later(jsonb)")
    assert switch(db, "v2")["success"]


def test_notifies_at_commit_and_not_after_a_rollback(
    pair: tuple[Connection, Connection],
) -> None:
    listener, operator = pair
    listener.execute("listen dbkit_api_version")
    with operator.transaction(force_rollback=True):
        switch(operator, "v3")
    with operator.transaction():
        switch(operator, "v3", "v1")
        assert list(listener.notifies(timeout=0)) == []
    (heard,) = list(listener.notifies(timeout=5, stop_after=1))
    assert json.loads(heard.payload) == {
        "current_version": "v3",
        "fallback_version": "v1",
        "revision": 2,
    }
    assert list(listener.notifies(timeout=0)) == []


def test_readers_see_the_old_version_until_the_commit(
    pair: tuple[Connection, Connection],
) -> None:
    reader, operator = pair
    with operator.transaction():
        switch(operator, "v3")
        assert call(reader, "get_features")["meta"]["version"] == "v2"
    assert call(reader, "get_features")["meta"]["version"] == "v3"


def chain(conn: Connection) -> list[dict[str, Any]]:
    return rows(
        conn,
        "select version, details from dbkit.deployment_log where kind = 'api_switch'"
        " order by (details ->> 'revision')::bigint",
    )


def assert_unbroken(found: list[dict[str, Any]]) -> None:
    version, revision = "v2", 1
    for entry in found:
        assert entry["details"]["previous_version"] == version
        assert entry["details"]["revision"] == revision + 1
        version, revision = entry["version"], revision + 1


def test_sixteen_switchers_leave_an_unbroken_chain(database: str) -> None:
    def work(n: int) -> list[Any]:
        def turns(conn: Connection) -> list[Any]:
            return [switch(conn, f"v{(n + k) % 3 + 1}")["revision"] for k in range(20)]

        return outcome(database, turns)  # type: ignore[no-any-return]

    revisions = [r for got in in_parallel(16, work) for r in got]
    with connect(database) as conn:
        found = chain(conn)
        assert sorted(revisions) == list(range(2, 322))
        assert len(found) == 320
        assert_unbroken(found)
        pointer = row(conn, "select * from dbkit.active_api_version")
        assert (pointer["revision"], pointer["current_version"]) == (321, found[-1]["version"])
        ids = one(
            conn,
            "select deployment_id from dbkit.deployment_log where kind = 'api_switch'"
            " order by (details ->> 'revision')::bigint desc limit 1",
        )
        assert pointer["deployment_id"] == ids
        conn.execute("delete from dbkit.deployment_log where version = 'v3'")
        with pytest.raises(AssertionError):
            assert_unbroken(chain(conn))


def test_compare_and_set_lets_exactly_one_of_sixteen_through(database: str) -> None:
    got = in_parallel(16, lambda n: outcome(database, lambda c: switch(c, "v3", revision=1)))
    assert sorted(str(g) for g in got if not isinstance(g, dict)) == ["KD113"] * 15
    assert sum(isinstance(g, dict) for g in got) == 1


def to_v3(conn: Connection) -> Any:
    return switch(conn, "v3", "v1")


def sunset_v3(conn: Connection) -> str:
    conn.execute("select dbkit.sunset_api_version('v3')")
    return "sunset"


def test_sunset_and_switch_cannot_cross(database: str) -> None:
    """Whoever comes second sees the first: never an active version that is sunset."""
    for _ in range(5):
        with connect(database, autocommit=True) as conn:
            conn.execute("select dbkit.switch_api_version('v2', 'v1')")
            conn.execute("select dbkit.deprecate_api_version('v3')")
        got = in_parallel(2, lambda n: outcome(database, to_v3 if n else sunset_v3))
        assert sorted(map(str, got))[0] in ("KD103", "KD112"), got
        assert sum(isinstance(g, dict) or g == "sunset" for g in got) == 1, got


CLAIMS = {
    "dbkit.role": "super_admin",
    "dbkit.caller_role": "super_admin",
    "dbkit.user_id": "super_admin",
    "dbkit.is_super_admin": "on",
    "request.jwt.claims": '{"role": "super_admin", "sub": "super_admin"}',
    "request.jwt.claim.role": "super_admin",
    "request.headers": '{"x-role": "super_admin", "role": "super_admin"}',
}


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
def test_only_super_admin_switches(db: Connection, role: str) -> None:
    before = state(db)
    for name, value in CLAIMS.items():
        db.execute("select set_config(%s, %s, true)", [name, value])
    become(db, role)
    with raises(db, "42501"):
        switch(db, "v3")
    db.execute("reset role")
    assert state(db) == before


WRAPPER = """
create schema guest;
grant usage on schema guest to public;
create function guest.wrap() returns jsonb language plpgsql security definer as $$
begin {body} return dbkit.switch_api_version('v3'); end $$;
create function guest.outer() returns jsonb language sql security definer
  return guest.wrap();
grant execute on function guest.wrap(), guest.outer() to public;
"""


@pytest.mark.parametrize("login", [False, True], ids=["set role", "own login"])
@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
def test_a_superusers_definer_function_lends_no_rights(
    db: Connection, role: str, login: bool
) -> None:
    db.execute(WRAPPER.format(body="").encode())
    before = state(db)
    if login:
        db.execute("create role guest_login login")
        db.execute(sql.SQL("grant {} to guest_login").format(sql.Identifier(role)))
        db.execute("set local session authorization guest_login")
    else:
        become(db, role)
    for function in ("wrap", "outer"):
        with raises(db, "KD003") as caught:
            one(db, f"select guest.{function}()")
        assert caught.detail["required_role"] == "super_admin"
        assert caught.detail["caller_role"] == ("guest_login" if login else role)
        assert caught.hint
    db.execute("reset session authorization")
    db.execute("reset role")
    assert state(db) == before


@pytest.mark.parametrize(
    "body",
    [
        "perform set_config('role', 'super_admin', true);",
        "perform set_config('role', 'none', true);",
        "set local role super_admin;",
        "reset role;",
        "perform set_config('session_authorization', session_user, true);",
    ],
)
def test_a_definer_function_cannot_change_who_calls(db: Connection, body: str) -> None:
    db.execute(WRAPPER.format(body=body).encode())
    before = state(db)
    become(db, "anon")
    with pytest.raises(psycopg.Error) as caught, db.transaction():
        one(db, "select guest.wrap()")
    assert caught.value.sqlstate in ("KD003", "42501"), caught.value
    db.execute("reset role")
    assert state(db) == before


def test_a_definer_function_with_a_role_clause_lends_no_rights(db: Connection) -> None:
    db.execute(WRAPPER.format(body="").encode())
    db.execute("alter function guest.wrap() set role = 'super_admin'")
    become(db, "anon")
    with pytest.raises(psycopg.Error) as caught, db.transaction():
        one(db, "select guest.wrap()")
    assert caught.value.sqlstate in ("KD003", "42501"), caught.value
    assert one(db, "select current_version from dbkit.active_api_version") == "v2"


def test_membership_without_inherit_is_not_enough(db: Connection) -> None:
    db.execute("create role member noinherit; grant super_admin to member")
    version = one(db, "select current_setting('server_version_num')::int")
    if version >= 160000:
        db.execute("grant super_admin to member with inherit false")
    db.execute("grant usage on schema dbkit to member")
    db.execute("grant execute on function dbkit.switch_api_version(text, text, bigint) to member")
    db.execute("set local role member")
    with raises(db, "KD003"):
        switch(db, "v3")
    db.execute("set local role super_admin")
    assert switch(db, "v3")["success"]


def test_a_bad_environment_setting_leaves_everything(db: Connection) -> None:
    before = state(db)
    with raises(db, "KD004"):
        db.execute("set local dbkit.environment = 'moon'")
        switch(db, "v3")
    assert state(db) == before
