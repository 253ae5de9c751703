"""Who may execute and touch what of module api, against one declared table."""

from __future__ import annotations

import pytest

from tests.api.conftest import STATE, state
from tests.helpers import Connection, become, one, raises, rows, unbecome

EVERYBODY = [
    "check_rate_limit",
    "can_use_api_version",
    "evaluate_feature",
    "explain_route",
    "get_active_api_version",
    "get_best_api_version",
    "is_feature_available",
    "list_rpcs",
    "route_api_call",
    "rpc_v1_check_compatibility",
    "rpc_v1_dispatch",
    "rpc_v2_check_compatibility",
    "rpc_v2_dispatch",
    "rpc_v2_get_features",
    "rpc_v3_check_compatibility",
    "rpc_v3_dispatch",
    "rpc_v3_get_features",
    "rpc_v3_get_region_health",
    "validate_json",
    "_claim_idempotency_key",
    "_compatibility",
    "_default_version",
    "_dispatch",
    "_dispatch_logged",
    "_dispatch_once",
    "_dispatch_routed",
    "gateway_catalog",
    "_routes_revision",
    "_dispatch_unlisted",
    "_fast_route",
    "_features_for",
    "_json_keywords",
    "_json_measure_fits",
    "_json_type_fits",
    "_log_own_call",
    "_pinned_version",
    "_raise_brownout",
    "_raise_forbidden_call",
    "_raise_invalid_payload",
    "_raise_no_route",
    "_require_version",
    "_route_slowly",
    "_released_version",
    "_settle_idempotency_key",
]
SERVICE = [
    "create_api_key",
    "rotate_api_key",
    "revoke_api_key",
    "list_api_keys",
    "find_api_key",
    "touch_api_keys",
    "set_rate_limit",
    "remove_rate_limit",
    "list_rate_limits",
    "lease_rate_limit",
    "prune_rate_windows",
    "ensure_request_log_partitions",
    "evaluate_releases",
    "get_release_status",
    "expire_idempotency_keys",
    "get_sunset_readiness",
    "get_version_adoption",
    "log_api_request",
    "log_api_requests",
    "rollup_api_version_usage",
]
ADMIN = [
    "abort_release",
    "begin_release",
    "promote_release",
    "deprecate_api_version",
    "pin_consumer",
    "register_api_version",
    "register_rpc",
    "set_feature_flag",
    "sunset_api_version",
    "switch_api_version",
    "unregister_rpc",
]
NOBODY = [
    "serve_call",
    "_add_api_key_secret",
    "_check_api_key_role",
    "_check_rate_limit",
    "_lock_api_key",
    "_rate_limit_of",
    "_take_rate_tokens",
    "_app_reaches",
    "_check_release",
    "_count_release",
    "_decide_release",
    "_end_release",
    "_grow_release",
    "_move_api_version",
    "_promote_release",
    "_release_alternatives",
    "_release_bucket",
    "_release_consumer",
    "_release_e_value",
    "_release_evidence",
    "_release_excess",
    "_release_seam",
    "_release_verdict",
    "_running_release",
    "_tell_release",
    "_usual_slow_ms",
    "_append_request_log",
    "_check_json_schema",
    "_check_registration",
    "_check_switch",
    "_default_fallback",
    "_dispatch_tree",
    "_generate_dispatcher",
    "_generate_fast_route",
    "_idempotency_scope",
    "_inherited_calls",
    "_is_pattern",
    "_json_check",
    "_json_object_check",
    "_lock_registry",
    "_refresh_api_routes",
    "_register_rpc",
    "_unregister_rpc",
    "_unresolved_calls",
]
LEVELS = {"anon": 0, "authenticated": 0, "service_role": 1, "super_admin": 2}
TABLES = {
    "active_api_version": 0,
    "api_routes": 0,
    "api_rpcs": 0,
    "api_versions": 0,
    "feature_flags": 0,
    "api_consumers": 1,
    "api_keys": 3,
    "api_key_secrets": 3,
    "api_rate_limits": 1,
    "api_rate_windows": 3,
    "api_releases": 1,
    "api_idempotency_keys": 1,
    "api_request_log": 1,
    "api_usage_watermark": 1,
    "api_version_usage": 1,
}


def functions_of_the_module() -> list[str]:
    from dbkit import sqltree

    objects = sqltree.read_tree(sqltree.shipped_root() / "sql")
    return [o.name for o in objects if o.module == "api" and o.kind == "functions"]


def test_the_table_names_every_function() -> None:
    declared = EVERYBODY + SERVICE + ADMIN + NOBODY
    assert sorted(declared) == sorted([*functions_of_the_module(), "_dispatch", "_fast_route"])


@pytest.mark.parametrize("role", [*LEVELS, "public"])
def test_execute(db: Connection, role: str) -> None:
    found = rows(
        db,
        "select proname, has_function_privilege(%s, oid, 'execute') as may from pg_proc"
        " where pronamespace = 'dbkit'::regnamespace and proname = any (%s::text[])",
        *(role, EVERYBODY + SERVICE + ADMIN + NOBODY),
    )
    level = LEVELS.get(role, -1)
    allowed = {
        name
        for needed, names in enumerate((EVERYBODY, SERVICE, ADMIN))
        for name in names
        if level >= needed
    }
    assert {f["proname"] for f in found if f["may"]} == allowed
    assert len(found) == len(EVERYBODY + SERVICE + ADMIN + NOBODY)


@pytest.mark.parametrize("role", [*LEVELS, "public"])
def test_tables_are_read_only_at_most(db: Connection, role: str) -> None:
    for table, needed in TABLES.items():
        name = f"dbkit.{table}"
        for right in ("insert", "update", "delete", "truncate", "references", "trigger"):
            assert not one(db, "select has_table_privilege(%s, %s, %s)", role, name, right), table
        may_read = one(db, "select has_table_privilege(%s, %s, 'select')", role, name)
        assert may_read == (LEVELS.get(role, -1) >= needed), table


def test_definer_functions_pin_their_search_path(db: Connection) -> None:
    found = rows(
        db,
        "select proname, proconfig from pg_proc where prosecdef"
        " and pronamespace = 'dbkit'::regnamespace and proname = any (%s::text[])",
        EVERYBODY + SERVICE + ADMIN + NOBODY,
    )
    assert found
    for function in found:
        assert "search_path=pg_catalog, dbkit, pg_temp" in function["proconfig"], function


WRAPPED = {
    "ensure_request_log_partitions": "",
    "switch_api_version": "'v3'",
    "register_rpc": "'x', 'v1', 'dbkit.rpc_v2_get_features(jsonb)'",
    "unregister_rpc": "'get_features', 'v2'",
    "register_api_version": "'v4', '2.0.0'",
    "deprecate_api_version": "'v1'",
    "sunset_api_version": "'v3'",
    "pin_consumer": "'me', 'v1'",
    "set_feature_flag": "'f', 'v1'",
    "log_api_requests": '\'[{"name": "x", "status_code": 200, "duration_ms": 1}]\'',
    "log_api_request": "'x', 'v1', 200, 1",
    "rollup_api_version_usage": "",
    "expire_idempotency_keys": "",
    "get_version_adoption": "",
    "get_sunset_readiness": "'v1'",
    "abort_release": "",
    "begin_release": "'v3', 5",
    "promote_release": "",
    "evaluate_releases": "",
    "get_release_status": "",
    "create_api_key": "'shop'",
    "rotate_api_key": "(select key_id from dbkit.api_keys)",
    "revoke_api_key": "(select key_id from dbkit.api_keys)",
    "list_api_keys": "",
    "find_api_key": "'x'",
    "touch_api_keys": "'{x}'",
    "set_rate_limit": "'*', '*', 1, 1",
    "remove_rate_limit": "'*', '*'",
    "list_rate_limits": "",
    "lease_rate_limit": "'[]'",
    "prune_rate_windows": "",
}


@pytest.mark.parametrize("name", WRAPPED)
def test_a_superusers_definer_wrapper_lends_no_rights(db: Connection, name: str) -> None:
    db.execute(
        "create schema guest; grant usage on schema guest to public;"
        "create function guest.wrap() returns void language plpgsql security definer as"
        f" $$ begin perform dbkit.{name}({WRAPPED[name]}); end $$;"
        "grant execute on function guest.wrap() to public".encode()
    )
    if name in ("abort_release", "promote_release"):
        one(db, "select dbkit.begin_release('v3', 5)")
    if name in ("rotate_api_key", "revoke_api_key"):
        one(db, "select dbkit.create_api_key('shop')")
    before = state(db)
    roles = ["anon", "authenticated"] + (["service_role"] if name in ADMIN else [])
    for role in roles:
        become(db, role, user_id="super_admin", client_id="super_admin")
        db.execute("select set_config('request.jwt.claims', '{\"role\": \"super_admin\"}', true)")
        with raises(db, "KD003") as caught:
            one(db, "select guest.wrap()")
        assert caught.detail["caller_role"] == role
        assert caught.hint
        unbecome(db)
    db.execute("select set_config('request.jwt.claims', '', true)")
    assert state(db) == before
    become(db, "super_admin")
    one(db, "select guest.wrap()")


def test_the_declared_table_covers_service_and_admin_functions() -> None:
    assert sorted(WRAPPED) == sorted(SERVICE + ADMIN)


def test_state_would_notice_a_change(db: Connection) -> None:
    """The control of every 'leaves everything' test."""
    before = one(db, STATE)
    db.execute("select dbkit.set_feature_flag('f', 'v1')")
    assert one(db, STATE) != before


def test_a_caller_cannot_become_another_by_a_role_of_that_name(db: Connection) -> None:
    """Rights hang on membership, not on how a role is called."""
    db.execute('create role "super_admin " login; create role "Super_Admin" login')
    for name in ('"super_admin "', '"Super_Admin"'):
        db.execute(f"set local role {name}".encode())
        with raises(db, "42501"):
            one(db, "select dbkit.switch_api_version('v3')")
        db.execute("reset role")
