"""Who may do what in the schema dbkit, declared. The catalog must say the same, cell by cell.

A new function or table has to be entered here: until it is, test_rights_matrix.py fails.
"""

from __future__ import annotations

from typing import TypeAlias

Roles: TypeAlias = frozenset[str]

ALL = frozenset({"anon", "authenticated", "service_role", "super_admin"})
ACCOUNTS = ALL - {"anon"}
SERVICE = frozenset({"service_role", "super_admin"})
ADMIN = frozenset({"super_admin"})
NOBODY: Roles = frozenset()

# --- functions: EXECUTE ----------------------------------------------------------------------

_GROUPS: list[tuple[Roles, str]] = [
    # core: who am I, what time is it, how do I fail
    (
        ALL,
        """app_version_key caller_has_role caller_role clock context_value is_super_admin
        raise_error request_context require_service require_super_admin semver_key
        set_request_context""",
    ),
    (SERVICE, "drop_day_partitions ensure_day_partitions"),
    (NOBODY, "_make_day_partitions"),
    # deployments: the service's; a switch logs itself from inside the switch
    (
        SERVICE,
        """_check_environment get_last_successful_deployment log_deployment log_rollback
        update_deployment_status""",
    ),
    (NOBODY, "_log_api_switch"),
    # regions: clients read and say where they are, the service measures
    (
        ALL,
        """get_failover_region get_region_health is_known_region register_client_region
        require_region""",
    ),
    (
        SERVICE,
        """get_region_sync_status log_realtime_fanout update_region_health
        update_region_sync_status""",
    ),
    # api: the router runs with its caller's rights, so the caller may execute its steps
    (
        ALL,
        """route_api_call rpc_v1_dispatch rpc_v2_dispatch rpc_v3_dispatch explain_route list_rpcs
        get_active_api_version get_best_api_version can_use_api_version evaluate_feature
        is_feature_available validate_json
        _claim_idempotency_key _compatibility _default_version _dispatch _dispatch_logged
        _dispatch_once _dispatch_unlisted _fast_route _features_for _json_keywords
        _json_measure_fits _json_type_fits _log_own_call _pinned_version _raise_brownout
        _raise_forbidden_call _raise_invalid_payload _raise_no_route _require_version _route_slowly
        _settle_idempotency_key""",
    ),
    (
        ALL,
        """rpc_v1_check_compatibility rpc_v2_check_compatibility rpc_v3_check_compatibility
        rpc_v2_get_features rpc_v3_get_features rpc_v3_get_region_health""",
    ),
    (
        SERVICE,
        """expire_idempotency_keys get_sunset_readiness get_version_adoption log_api_request
        log_api_requests rollup_api_version_usage""",
    ),
    (
        ADMIN,
        """deprecate_api_version pin_consumer register_api_version register_rpc set_feature_flag
        sunset_api_version switch_api_version unregister_rpc""",
    ),
    (
        NOBODY,
        """_append_request_log _check_json_schema _check_registration _check_switch
        _default_fallback _dispatch_tree _generate_dispatcher _generate_fast_route
        _idempotency_scope _inherited_calls _is_pattern _json_check _json_object_check
        _lock_registry _refresh_api_routes _register_rpc _routes_revision _unregister_rpc
        _unresolved_calls""",
    ),
    # orders: a guest orders, and reads or cancels with the token; lists need an account
    (
        ALL,
        """rpc_v1_cancel_order rpc_v3_cancel_order rpc_v1_get_menu_items rpc_v2_get_menu_items
        rpc_v3_get_menu_items rpc_v1_get_order rpc_v2_get_order rpc_v3_get_order
        rpc_v1_place_order rpc_v2_place_order rpc_v3_place_order
        _change_order_status _guest_order_document _place_order _raise_unknown_order
        _readable_order""",
    ),
    (
        ACCOUNTS,
        """rpc_v1_list_orders rpc_v2_list_orders rpc_v3_list_orders rpc_v1_update_order_status
        rpc_v3_update_order_status _order_document _page_orders _read_order_cursor
        _write_order_cursor""",
    ),
    (
        NOBODY,
        """_choose_customizations _menu_item_options _open_store _order_actors _order_contact
        _order_region _own_customer _price_order_line _raise_transition""",
    ),
]

FUNCTIONS: dict[str, Roles] = {name: roles for roles, names in _GROUPS for name in names.split()}

DEFINERS_FOR_CLIENTS: dict[str, str] = {
    "register_client_region": "adds to telemetry that clients may not read; returns nothing",
    "_pinned_version": "reads one pin, that of the caller's own client or organization",
    "_claim_idempotency_key": "gives back an answer to the key, scope and fingerprint it came from",
    "_settle_idempotency_key": "stores an answer in the caller's own scope",
    "_log_own_call": "takes nothing but the meta object of a route that there is",
    "_place_order": "writes orders, which nobody may; prices come from the menu",
    "_change_order_status": "writes the status, which nobody may; checks actor and transition",
    "_guest_order_document": "reads one order to the token that its guest was given",
}
"""SECURITY DEFINER functions that anon or authenticated may execute, and why that does no harm."""

# --- tables ----------------------------------------------------------------------------------

Rights: TypeAlias = dict[str, Roles]

_READ_BY_ALL: Rights = {"SELECT": ALL}
_READ_BY_SERVICE: Rights = {"SELECT": SERVICE}
_EDITED_BY_SERVICE: Rights = {"INSERT": SERVICE, "UPDATE": SERVICE, "DELETE": SERVICE}
_PUBLIC_EDITED: Rights = {"SELECT": ALL} | _EDITED_BY_SERVICE
_OWN_ROWS_EDITED: Rights = {"SELECT": ACCOUNTS} | _EDITED_BY_SERVICE

TABLES: dict[str, Rights] = {
    "alembic_version": {},
    "error_codes": _READ_BY_ALL,
    "installation": _READ_BY_SERVICE,
    "deployment_log": _READ_BY_SERVICE,
    "client_region_telemetry": _READ_BY_SERVICE,
    "realtime_fanout_log": _READ_BY_SERVICE,
    "region_health": _READ_BY_ALL,
    "region_sync_status": _READ_BY_SERVICE,
    "regions": {"SELECT": ALL, "INSERT": ADMIN, "UPDATE": ADMIN},
    "active_api_version": _READ_BY_ALL,
    "api_consumers": _READ_BY_SERVICE,
    "api_idempotency_keys": _READ_BY_SERVICE,
    "api_request_log": _READ_BY_SERVICE,
    "api_request_log_<day>": {},
    "api_routes": _READ_BY_ALL,
    "api_rpcs": _READ_BY_ALL,
    "api_usage_watermark": _READ_BY_SERVICE,
    "api_version_usage": _READ_BY_SERVICE,
    "api_versions": _READ_BY_ALL,
    "feature_flags": _READ_BY_ALL,
    "stores": _PUBLIC_EDITED,
    "menu_categories": _PUBLIC_EDITED,
    "menu_items": _PUBLIC_EDITED,
    "menu_item_customizations": _PUBLIC_EDITED,
    "order_status_transitions": _PUBLIC_EDITED,
    "ingredient_templates": _OWN_ROWS_EDITED,
    "customers": _OWN_ROWS_EDITED,
    "user_profiles": _OWN_ROWS_EDITED,
    "orders": {"SELECT": ACCOUNTS, "INSERT": SERVICE, "DELETE": SERVICE},
    "order_items": {"SELECT": ACCOUNTS, "INSERT": SERVICE, "DELETE": SERVICE},
    "order_status_history": {"SELECT": ACCOUNTS, "INSERT": SERVICE},
}
"""What is not listed for a table, nobody may: TRUNCATE, REFERENCES and TRIGGER for none."""

COLUMNS: dict[tuple[str, str, str], Roles] = {
    ("orders", "customer_name", "UPDATE"): SERVICE,
    ("orders", "customer_phone", "UPDATE"): SERVICE,
    ("orders", "customer_email", "UPDATE"): SERVICE,
}
"""Rights on single columns, beyond those on the table."""

SEQUENCES: Roles = NOBODY
"""Identity columns need no right on their sequence."""

TENANT_TABLES = {
    "stores",
    "menu_categories",
    "menu_items",
    "menu_item_customizations",
    "ingredient_templates",
    "customers",
    "user_profiles",
    "orders",
    "order_items",
    "order_status_history",
}
"""Rows belong to a tenant or a person and clients may read some: RLS is enabled and forced."""

PUBLIC_TABLES = {
    "error_codes",
    "region_health",
    "regions",
    "active_api_version",
    "api_routes",
    "api_rpcs",
    "api_versions",
    "feature_flags",
    "order_status_transitions",
}
"""Clients may read every row, because none of them is anybody's. Any other table is closed to
clients altogether."""
