"""What a caller of the router sees: the answer, the errors, the handler's own errors."""

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.api.conftest import call, context, handler, let_end, register, state
from tests.helpers import (
    Connection,
    become,
    connect,
    freeze_clock,
    one,
    raises,
    row,
    rows,
    unbecome,
)


def test_answers_data_and_meta(db: Connection) -> None:
    register(db, "echo", "v2", handler(db, "echo"))
    answer = call(db, "echo", {"a": 1})
    assert answer["data"] == {"handler": "echo", "payload": {"a": 1}}
    assert answer["meta"] == {
        "rpc": "echo",
        "version": "v2",
        "requested_version": None,
        "fallback": False,
        "deprecated": False,
        "sunset_at": None,
        "warnings": [],
    }


def test_names_the_older_version_that_serves(db: Connection) -> None:
    register(db, "echo", "v1", handler(db, "echo"))
    meta = call(db, "echo", version="v3")["meta"]
    assert (meta["version"], meta["requested_version"], meta["fallback"]) == ("v1", "v3", True)
    assert meta["warnings"] == ["v3 was asked for, v1 is served"]


def test_announces_deprecation_and_sunset(db: Connection) -> None:
    register(db, "echo", "v1", handler(db, "echo"))
    freeze_clock(db, "2026-01-01T00:00:00Z")
    db.execute("select dbkit.deprecate_api_version('v1', '2026-06-01T00:00:00Z')")
    meta = call(db, "echo", version="v1")["meta"]
    assert meta["deprecated"] is True
    assert meta["sunset_at"].startswith("2026-06-01T00:00:00")
    assert meta["warnings"] == ["v1 is deprecated and is sunset at 2026-06-01T00:00:00Z; use v3"]


def test_null_payload_is_an_empty_object(db: Connection) -> None:
    register(db, "echo", "v2", handler(db, "echo"))
    data = one(db, "select dbkit.route_api_call('echo', null) -> 'data'")
    assert data["payload"] == {}


def test_argument_beats_context_beats_pin_beats_active(db: Connection) -> None:
    register(db, "echo", "v1", handler(db, "echo"))
    db.execute("select dbkit.register_api_version('v4', '1.6.0')")
    db.execute("select dbkit.pin_consumer('partner', 'v3')")
    why = "select dbkit.explain_route('echo', '{}', %s)"
    asked = []
    for requested, keys in (
        ("v4", {"api_version": "v1", "client_id": "partner"}),
        (None, {"api_version": "v1", "client_id": "partner"}),
        (None, {"client_id": "partner"}),
        (None, {"client_id": "other"}),
    ):
        context(db, **keys)
        explained = one(db, why, requested)
        asked.append((explained["asked_version"], explained["asked_because"]))
    assert asked == [
        ("v4", "requested"),
        ("v1", "request context"),
        ("v3", "pinned"),
        ("v2", "active"),
    ]


def test_reads_version_and_app_from_postgrest_headers(db: Connection) -> None:
    for version in ("v1", "v2", "v3"):
        register(db, "echo", version, handler(db, f"echo_{version}"))
    headers = '{"x-api-version": "v3", "x-app-version": "1.2.5"}'
    db.execute("select set_config('request.headers', %s, true)", [headers])
    meta = call(db, "echo")["meta"]
    assert (meta["version"], meta["requested_version"]) == ("v2", "v3")
    context(db, api_version="v1")
    assert call(db, "echo")["meta"]["version"] == "v1"


def test_write_of_an_older_generation_is_not_given_a_newer_apps_payload(db: Connection) -> None:
    signature = handler(db, "put", volatility="volatile")
    register(db, "put", "v1", signature, "write")
    context(db, app_version="1.4.2")
    for version in (None, "v2", "v3"):
        with raises(db, "KD109") as caught:
            call(db, "put", version=version)
        assert caught.detail["rpc"] == "put"
        assert caught.hint
    context(db, app_version="1.1.9")
    assert call(db, "put")["meta"]["version"] == "v1"
    register(db, "put", "v1", signature, "write", compatible_with=["v2"])
    context(db, app_version="1.4.2")
    assert call(db, "put")["meta"]["version"] == "v1"
    with raises(db, "KD109"):
        call(db, "put", version="v3")


def test_unknown_call(db: Connection) -> None:
    before = state(db)
    with raises(db, "KD101") as caught:
        call(db, "nothing")
    assert caught.detail == {"rpc": "nothing", "asked_version": "v2", "requested_version": None}
    assert "list_rpcs" in caught.hint
    assert state(db) == before


def test_call_that_begins_later_says_where(db: Connection) -> None:
    with raises(db, "KD101") as caught:
        call(db, "get_region_health", version="v1")
    assert caught.detail["available_from"] == "v3"
    assert "v3" in caught.hint


@pytest.mark.parametrize("version", ["v9", "V2", "2", "", "v2 ", "*v2", "v2'; drop table x; --"])
def test_unknown_version(db: Connection, version: str) -> None:
    with raises(db, "KD102") as caught:
        call(db, "get_features", version=version)
    assert caught.detail["asked_version"] == version
    assert caught.detail["versions"] == ["v1", "v2", "v3"]
    assert caught.hint


@pytest.mark.parametrize("name", [None, "", "get_features v2", "get_features*v2", "get_features*"])
def test_no_name_reaches_a_route_by_its_key(db: Connection, name: str | None) -> None:
    for version in (None, "v2", "*v2", " v2", ""):
        with pytest.raises(psycopg.Error) as caught, db.transaction():
            one(db, "select dbkit.route_api_call(%s, '{}', %s)", name, version)
        assert caught.value.sqlstate == ("KD101" if version in (None, "v2") else "KD102")


def test_sunset_version_names_its_successor(db: Connection) -> None:
    db.execute("select dbkit.switch_api_version('v3', 'v2')")
    register(db, "echo", "v1", handler(db, "echo"))
    freeze_clock(db, "2026-01-01T00:00:00Z")
    db.execute("select dbkit.deprecate_api_version('v1', '2026-02-01T00:00:00Z', 'v2')")
    assert call(db, "echo", version="v1")["meta"]["deprecated"]
    freeze_clock(db, "2026-02-01T00:00:00Z")
    with raises(db, "KD103") as caught:
        call(db, "echo", version="v1")
    assert caught.detail["successor"] == "v2"
    assert caught.detail["sunset_at"].startswith("2026-02-01")
    assert caught.hint == "Move to v2."


def test_call_left_without_a_version_by_a_sunset(db: Connection) -> None:
    register(db, "echo", "v1", handler(db, "echo"))
    db.execute("select dbkit.switch_api_version('v3', 'v2')")
    let_end(db, "v1")
    with raises(db, "KD103") as caught:
        call(db, "echo", version="v3")
    assert caught.detail["version"] == "v3"
    assert caught.hint


def test_app_too_old_is_told_the_minimum(db: Connection) -> None:
    context(db, app_version="1.4.0-rc.1")
    with raises(db, "KD104") as caught:
        call(db, "get_region_health", version="v3")
    assert caught.detail["minimum_app_version"] == "1.4.0"
    assert caught.detail["app_version"] == "1.4.0-rc.1"
    assert caught.hint == "Update the app to 1.4.0."


def test_write_of_a_newer_generation_asks_for_an_update(db: Connection) -> None:
    signature = handler(db, "put", volatility="volatile")
    register(db, "put", "v1", signature, "write")
    register(db, "put", "v3", signature, "write")
    db.execute("select dbkit.switch_api_version('v3', 'v1')")
    context(db, app_version="1.2.0")
    with raises(db, "KD104") as caught:
        call(db, "put")
    assert caught.detail["minimum_app_version"] == "1.4.0"


def test_payload_that_breaks_the_schema_names_the_field(db: Connection) -> None:
    schema = {
        "type": "object",
        "required": ["name"],
        "properties": {"items": {"items": {"properties": {"a/b": {"type": "integer"}}}}},
    }
    effect = handler(db, "put", "begin raise exception 'ran'; end", "volatile")
    register(db, "put", "v2", effect, "write", schema=schema)
    with raises(db, "KD105") as caught:
        call(db, "put", {"name": "x", "items": [{"a/b": 1}, {"a/b": "no"}]})
    assert caught.detail["field"] == "items/1/a~1b"
    assert caught.detail["errors"] == [
        {"path": "/items/1/a~1b", "keyword": "type", "message": "must be integer, is string"}
    ]
    with raises(db, "KD105") as caught:
        call(db, "put", {})
    assert caught.detail["field"] == "name"
    assert caught.hint


@pytest.mark.parametrize("payload", [[], "text", 3, None, True, ["idempotency_key"]])
def test_payload_that_is_no_object(db: Connection, payload: object) -> None:
    register(db, "echo", "v2", handler(db, "echo"))
    with raises(db, "KD105"):
        one(db, "select dbkit.route_api_call('echo', %s)", Jsonb(payload))


def test_brownout_answers_503_with_its_end(db: Connection) -> None:
    freeze_clock(db, "2026-01-01T11:00:00Z")
    span = "{[2026-01-01 12:00:00+00,2026-01-01 12:10:00+00)}"
    db.execute("select dbkit.deprecate_api_version('v2', null, 'v3', %s)", [span])
    assert call(db, "get_features", version="v2")["meta"]["version"] == "v2"
    freeze_clock(db, "2026-01-01T12:05:00Z")
    with raises(db, "KD114") as caught:
        call(db, "get_features", version="v2")
    assert caught.detail["version"] == "v2"
    assert caught.detail["retry_after"] == 300
    assert caught.hint == "Move to v3."
    freeze_clock(db, "2026-01-01T12:10:00Z")
    assert call(db, "get_features", version="v2")["meta"]["version"] == "v2"


def test_brownout_also_covers_calls_inherited_from_an_older_version(db: Connection) -> None:
    register(db, "echo", "v1", handler(db, "echo"))
    db.execute("select dbkit.deprecate_api_version('v2', null, null, '{[2020-01-01,)}')")
    with raises(db, "KD114") as caught:
        call(db, "echo", version="v2")
    assert caught.detail["version"] == "v2"
    assert caught.hint
    assert call(db, "echo", version="v1")["meta"]["version"] == "v1"


@pytest.mark.parametrize("state_", ["P0001", "KD999", "23505", "42883", "22012"])
def test_handlers_error_passes_through_without_fallback(db: Connection, state_: str) -> None:
    register(db, "echo", "v1", handler(db, "older"))
    body = f"begin raise exception 'mine' using errcode = '{state_}', hint = 'h'; end"
    register(db, "echo", "v2", handler(db, "failing", body))
    with raises(db, state_) as caught:
        call(db, "echo")
    assert (caught.message, caught.hint) == ("mine", "h")


def test_missing_helper_of_a_handler_is_not_a_missing_call(db: Connection) -> None:
    register(db, "echo", "v1", handler(db, "older"))
    register(db, "echo", "v2", handler(db, "failing", "begin return guest.no_helper(); end"))
    with raises(db, "42883"):
        call(db, "echo")


def test_dropped_handler_is_not_a_missing_call(db: Connection) -> None:
    register(db, "echo", "v1", handler(db, "older"))
    register(db, "echo", "v2", handler(db, "newer"))
    db.execute("drop function guest.newer(jsonb)")
    with raises(db, "42883"):
        call(db, "echo")


def test_handler_runs_with_the_callers_rights(db: Connection) -> None:
    body = "begin return jsonb_build_object('user', current_user); end"
    register(db, "who", "v2", handler(db, "who", body))
    for role in ("anon", "authenticated", "service_role"):
        become(db, role)
        assert call(db, "who")["data"] == {"user": role}
        unbecome(db)


def test_handler_that_the_caller_may_not_execute(db: Connection) -> None:
    register(db, "echo", "v2", handler(db, "echo"))
    db.execute("revoke execute on function guest.echo(jsonb) from public")
    become(db, "anon")
    with raises(db, "42501"):
        call(db, "echo")


@pytest.mark.parametrize(
    ("role", "allowed"),
    [("anon", False), ("authenticated", True), ("service_role", True), ("super_admin", True)],
)
def test_required_role(db: Connection, role: str, allowed: bool) -> None:
    number = register(db, "echo", "v2", handler(db, "echo"), role="authenticated")
    become(db, role, client_id="c")
    if allowed:
        assert call(db, "echo")["data"]["handler"] == "echo"
        return
    with raises(db, "KD003") as caught:
        call(db, "echo")
    assert caught.detail == {"rpc": "echo", "required_role": "authenticated", "caller_role": role}
    assert caught.hint
    with raises(db, "KD003"):
        one(db, "select dbkit._dispatch(%s, '{}')", number)
    with raises(db, "KD003"):
        one(db, "select dbkit._dispatch_unlisted(%s, '{}')", number)
    with raises(db, "KD003"):
        one(db, "select dbkit._dispatch_once(%s, 'echo', '{\"idempotency_key\": \"k\"}')", number)


def test_required_role_cannot_be_shadowed_by_the_callers_search_path(db: Connection) -> None:
    register(db, "secret", "v2", handler(db, "secret"), role="service_role")
    db.execute("create schema evil; grant all on schema evil to anon")
    become(db, "anon")
    lie = "select case when pg_catalog.texteq($1, 'role') then 'super_admin' end"
    for name, arguments, result in (
        ("pg_has_role", "text, text, text", "boolean language sql as 'select true'"),
        ("pg_has_role", "name, name, text", "boolean language sql as 'select true'"),
        ("current_setting", "text", f"text language sql as $$ {lie} $$"),
        ("current_setting", "text, boolean", f"text language sql as $$ {lie} $$"),
        ("yes", "text, text", "boolean language sql as 'select true'"),
    ):
        db.execute(f"create function evil.{name}({arguments}) returns {result}".encode())
    db.execute("set local search_path = evil, pg_catalog")
    with raises(db, "KD003"):
        call(db, "secret")
    db.execute("create operator evil.= (function = evil.yes, leftarg = text, rightarg = text)")
    assert not one(db, "select dbkit.is_super_admin()")
    assert one(db, "select dbkit.caller_role()") == "anon"


def test_serves_reads_in_a_read_only_transaction(db: Connection) -> None:
    register(db, "echo", "v2", handler(db, "echo"))
    db.execute("set local dbkit.log_calls = 'on'")
    db.execute("set transaction read only")
    context(db, app_version="1.2.0", client_id="c")
    assert call(db, "echo", {"idempotency_key": "k"})["data"]["handler"] == "echo"
    assert call(db, "get_features")["meta"]["version"] == "v2"


def test_serves_a_handler_with_an_odd_quoted_name(db: Connection) -> None:
    db.execute("""
        create schema "My Schema $body$ %s";
        create function "My Schema $body$ %s"."Do(it) ""now"" \\' $text$"(jsonb) returns jsonb
        language sql stable as 'select $1';
    """)
    register(db, "odd", "v2", '"My Schema $body$ %s"."Do(it) ""now"" \\\' $text$"(jsonb)')
    assert call(db, "odd", {"a": 1})["data"] == {"a": 1}
    assert one(db, "select dbkit.explain_route('odd') ->> 'handler'").startswith('"My Schema')


def test_finds_a_handler_only_by_its_schema(db: Connection) -> None:
    handler(db, "echo")
    db.execute("set local search_path = guest, public")
    with raises(db, "KD108"):
        register(db, "echo", "v2", "echo(jsonb)")


def test_stale_dispatcher_serves_a_new_call_with_the_same_checks(db: Connection) -> None:
    """A session may see the route of a new call before it hears of the new dispatcher."""
    dispatcher = one(db, "select pg_get_functiondef('dbkit._dispatch(int, jsonb)'::regprocedure)")
    schema = {"type": "object", "required": ["a"]}
    register(db, "echo", "v2", handler(db, "echo"), role="authenticated", schema=schema)
    db.execute(dispatcher)
    assert call(db, "echo", {"a": 1})["data"]["payload"] == {"a": 1}
    with raises(db, "KD105"):
        call(db, "echo", {})
    become(db, "anon")
    with raises(db, "KD003"):
        call(db, "echo", {"a": 1})


def test_stale_routes_never_meet_a_newer_switch(db: Connection) -> None:
    """A session may see the pointer before it hears of the routes that the switch saw."""
    for version in ("v1", "v3"):
        handler(db, f"echo_{version}")
    register(db, "echo", "v1", "guest.echo_v1(jsonb)")
    routes = one(db, "select pg_get_functiondef('dbkit._fast_route(text)'::regprocedure)")
    register(db, "echo", "v3", "guest.echo_v3(jsonb)")
    db.execute("select dbkit.switch_api_version('v3', 'v2')")
    db.execute(routes)
    assert call(db, "echo")["meta"]["version"] == "v3"
    assert call(db, "echo", version="v3")["meta"]["version"] == "v1", "the control: they are stale"


def test_open_transaction_sees_a_call_and_a_switch_of_another_session(database: str) -> None:
    with connect(database) as reader, connect(database, autocommit=True) as operator:
        for version in ("v1", "v3"):
            handler(operator, f"echo_{version}")
        register(operator, "echo", "v1", "guest.echo_v1(jsonb)")
        assert call(reader, "echo")["meta"]["version"] == "v1"
        register(operator, "echo", "v3", "guest.echo_v3(jsonb)")
        assert call(reader, "echo")["meta"]["version"] == "v1"
        operator.execute("select dbkit.switch_api_version('v3', 'v2')")
        assert call(reader, "echo")["meta"]["version"] == "v3"
        operator.execute("select dbkit.switch_api_version('v2', 'v1')")
        assert call(reader, "echo")["meta"]["version"] == "v1"
        reader.rollback()


def test_fast_route_is_part_of_the_callers_plan(db: Connection) -> None:
    """Calling it as a function would read the whole literal each time."""
    (plan,) = rows(db, "explain (verbose, costs off) select dbkit._fast_route(null) from pg_am")[1:]
    assert "_fast_route" not in str(plan)


def test_call_unregistered_while_it_was_dispatched(db: Connection) -> None:
    with raises(db, "KD101") as caught:
        one(db, "select dbkit._dispatch(0, '{}')")
    assert caught.detail == {"rpc_id": 0}
    assert caught.hint


def test_own_calls_are_logged_when_the_session_says_so(db: Connection) -> None:
    register(db, "echo", "v1", handler(db, "echo"))
    register(db, "put", "v2", handler(db, "put", volatility="volatile"), "write")
    become(db, "anon", app_name="web", app_version="1.3.0", client_id="c1", region="eu-west-1")
    db.execute("set local dbkit.log_calls = 'on'")
    call(db, "echo", version="v2")
    call(db, "put", {"idempotency_key": "k"})
    call(db, "put", {"idempotency_key": "k"})
    unbecome(db)
    found = row(db, "select * from dbkit.api_request_log where name = 'echo'")
    assert (found["served_version"], found["requested_version"]) == ("v1", "v2")
    assert (found["fallback"], found["status_code"], found["caller_role"]) == (True, 200, "anon")
    assert (found["app_name"], found["client_id"], found["region"]) == ("web", "c1", "eu-west-1")
    assert found["duration_ms"] >= 0
    assert one(db, "select count(*) from dbkit.api_request_log where name = 'put'") == 2
    assert one(db, "select count(*) from dbkit.api_idempotency_keys") == 1


def test_own_calls_cannot_be_made_up(db: Connection) -> None:
    become(db, "anon")
    with raises(db, "KD003"):
        one(db, """select dbkit._log_own_call('{"rpc": "get_features", "version": "v9"}', 1)""")
    with raises(db, "KD003"):
        one(db, "select dbkit._log_own_call(null, 1)")
