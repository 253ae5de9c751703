"""What a service or an operator alone may do is not to be had by a detour either."""

from __future__ import annotations

import pytest

from dbkit import sqltree
from tests.api.conftest import STATE, state
from tests.helpers import Connection, become, one, raises, unbecome
from tests.proof.rights import ADMIN, FUNCTIONS, SERVICE, Roles


def _granted(roles: Roles) -> list[str]:
    """Public functions of the module for exactly these roles, by the house's one table."""
    objects = sqltree.read_tree(sqltree.shipped_root() / "sql")
    names = [o.name for o in objects if o.module == "api" and o.kind == "functions"]
    return [n for n in names if FUNCTIONS[n] == roles and not n.startswith("_")]


ADMINS = _granted(ADMIN)
SERVICES = _granted(SERVICE)
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
    "register_list": "'flags', 'dbkit.feature_flags', '{feature}', '{feature}'",
    "unregister_list": "'old'",
    "rotate_cursor_key": "",
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
    if name == "unregister_list":
        one(
            db,
            f"select dbkit.register_list({WRAPPED['register_list']})".replace("things", "stores"),
        )
    before = state(db)
    roles = ["anon", "authenticated"] + (["service_role"] if name in ADMINS else [])
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
    assert sorted(WRAPPED) == sorted(SERVICES + ADMINS)


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
