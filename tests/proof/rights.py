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
        """app_version_key caller_has_role caller_role clock context_value current_organization
        is_super_admin raise_error request_context require_service require_super_admin semver_key
        set_request_context""",
    ),
    (
        SERVICE,
        """drop_day_partitions ensure_day_partitions beat_worker end_worker get_workers
        get_worker_tasks run_worker_task stop_worker wake_workers _begin_worker_task
        _end_worker_task""",
    ),
    (ADMIN, "register_worker_task unregister_worker_task"),
    (
        NOBODY,
        """_make_day_partitions _check_worker_task _raise_unknown_worker_task
        _register_worker_task _unregister_worker_task""",
    ),
    # metrics: everybody sends (bounded), accounts record, operators read
    (ALL, "ingest_metrics"),
    (ACCOUNTS, "record_metric"),
    (
        SERVICE,
        """cleanup_old_metrics ensure_metric_partitions get_api_latency_stats
        get_error_rate_timeseries get_metric_drops get_metric_event_types get_metrics_summary
        get_platform_figures get_recent_errors metric_api_latency_p95 metric_error_rate
        metric_event_count rebuild_metric_rollups rollup_metrics _check_hours _core_figures
        _metrics_figures""",
    ),
    (
        ADMIN,
        """register_metric_event_type register_platform_figures unregister_metric_event_type
        unregister_platform_figures""",
    ),
    (
        NOBODY,
        """_aggregate_metrics _begin_metric_series _count_metric_drops _error_fingerprint
        _first_metric_since _forget_metric_minutes _generate_metric_runway
        _generate_metric_value_key _grant_metric_bytes
        _guard_metrics _has_metric_day _metric_value_key _histogram_percentiles _is_metric_value
        _json_depth_exceeds _limit_metrics _make_metric_days
        _merge_metrics _metric_counts _metric_parts _metric_percentiles _metric_pieces
        _metric_problem _metric_runway _metric_series _metric_time _metric_time_problem
        _metric_value _metrics_settled _pack_histogram _partition_runway _raise_unknown_metric_type
        _read_metrics _record_checked_metric _record_metric _register_platform_figures
        _require_metric_quota _roll_hours _roll_late_metrics _roll_metrics _take_dirty_minutes
        _take_metric_quota
        _window_start _write_metrics""",
    ),
    # deployments: the service's; a switch logs itself from inside the switch
    (
        SERVICE,
        """_check_environment get_last_successful_deployment log_deployment log_rollback
        update_deployment_status get_deployment_steps get_deployments log_deployment_step""",
    ),
    (NOBODY, "_check_rollback_target _log_api_switch _record_deployment_metric _tell_deployment"),
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
        _settle_idempotency_key _released_version _dispatch_routed gateway_catalog
        check_rate_limit _routes_revision""",
    ),
    # pages of lists: with the caller's rights too; only cursors are signed behind their back
    (
        ALL,
        """list_lists page_list
        _check_list_request _count_list _cursor_key _cursor_mac _cursor_problem _fits_type
        _has_cursor_mac _list_branches _list_fields _list_filter _list_number _list_order
        _list_order_by _list_page _list_place _list_search
        _list_sort _list_statement _list_test _list_total _list_value _list_value_words
        _open_cursor _raise_list_cursor _raise_list_request _seal_cursors""",
    ),
    (ADMIN, "register_list rotate_cursor_key unregister_list"),
    (
        NOBODY,
        """_generate_list _generate_list_dispatcher _has_list_index _list_columns
        _list_filter_problem _list_filters _list_operators _list_problem _list_source
        _list_warnings _new_cursor_key _raise_invalid_list _register_list""",
    ),
    (
        ALL,
        """rpc_v1_check_compatibility rpc_v2_check_compatibility rpc_v3_check_compatibility
        rpc_v2_get_features rpc_v3_get_features rpc_v3_get_region_health""",
    ),
    (
        SERVICE,
        """ensure_request_log_partitions expire_idempotency_keys get_sunset_readiness
        get_version_adoption log_api_request log_api_requests rollup_api_version_usage
        evaluate_releases get_release_status
        create_api_key rotate_api_key revoke_api_key list_api_keys find_api_key touch_api_keys
        set_rate_limit remove_rate_limit list_rate_limits lease_rate_limit
        prune_rate_windows""",
    ),
    # the gateway's login alone
    (
        NOBODY,
        """serve_call _add_api_key_secret _check_api_key_role _check_rate_limit _lock_api_key
        _rate_limit_of _take_rate_tokens""",
    ),
    (
        ADMIN,
        """deprecate_api_version pin_consumer register_api_version register_rpc set_feature_flag
        sunset_api_version switch_api_version unregister_rpc
        abort_release begin_release promote_release""",
    ),
    (
        NOBODY,
        """_append_request_log _check_json_schema _check_registration _check_switch
        _default_fallback _dispatch_tree _generate_dispatcher _generate_fast_route
        _idempotency_scope _inherited_calls _is_pattern _json_check _json_object_check
        _lock_registry _refresh_api_routes _register_rpc _unregister_rpc
        _unresolved_calls
        _app_reaches _check_release _count_release _decide_release _end_release _grow_release
        _move_api_version _promote_release _release_alternatives _release_bucket _release_consumer
        _release_e_value _release_evidence _release_excess _release_seam _release_verdict
        _running_release _tell_release _usual_slow_ms""",
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
        _write_order_cursor get_todays_orders _apply_order""",
    ),
    (
        NOBODY,
        """_choose_customizations _menu_item_options _open_store _order_actors _order_contact
        _order_region _own_customer _price_order_line _raise_transition
        _append_order_placed _append_order_status_changed _import_order_stream _order_event
        _reduce_todays_orders _todays_orders_key
        _move_order _rehearse_order_move _visible_health_stores""",
    ),
    # health of orders, and what heals them: a summary for staff, the rest is the service's
    (ACCOUNTS, "get_order_health_summary"),
    (
        SERVICE,
        """refresh_order_health _count_recent_orders _find_stuck_orders _heal_stuck_orders
        _undo_order_heal""",
    ),
    # events: an account reads and appends to its own organization's streams, the service all
    (
        ACCOUNTS,
        """append_event append_events get_events get_events_by_correlation get_events_by_type
        safe_position set_causing_event
        create_snapshot diff_state get_aggregate_state get_aggregate_types get_event_types
        replay_events state_as_of get_projection list_projection
        _aggregate_state _catch_up_projection _check_page _current_event_data
        _current_schema_version _diff_json _fold_events _raise_no_applier _raise_null_result
        _ready_projection _require_projection _state_fingerprint _target_version
        _unseal_event_data _upcast_event_data
        get_event_store_stats get_stream_digest get_streams
        _open_own_fields _read_projection _service_aggregate_types _service_projections
        _unseal_fields""",
    ),
    (
        SERVICE,
        """cancel_rebuild delete_snapshots explain_lag get_projection_status
        get_reader_checkpoint get_reader_status read_all rebuild_projection run_projection
        run_snapshots save_reader_checkpoint verify_projection _check_event_function
        archive_stream forget_subject get_subject_receipts restore_stream verify_events
        verify_stream _event_table_bytes _event_tables _newest_position _open_fields
        _subject_hash""",
    ),
    (
        ADMIN,
        """configure_aggregate register_applier register_event_type register_projection
        register_upcaster unregister_applier unregister_event_type unregister_projection
        unregister_upcaster protect_event_fields protect_event_partitions
        unprotect_event_fields""",
    ),
    (
        NOBODY,
        """_check_protected_fields _configure_aggregate _encrypt_bytes _event_grants
        _error_to_keep _event_guards _event_problems _field_keys _forget_subject
        _forget_subject_errors _is_of_subject _lock_subject_errors
        _generate_event_access _generate_event_layout _generate_event_sealing _generate_names
        _has_broken_seal
        _hmac_pads _hmac_sha256 _hold_subject _is_fold _is_request _is_time_partitioned
        _key_to_read _key_to_write _may_write_stream _new_subject_key
        _open_value _raise_stream_conflict _register_applier
        _register_projection _require_stream_access _seal_fields _seal_value _set_archived
        _stream_problems _xor_bytes
        _after_append _after_append_hooks _append_event_slowly _append_events _begin_rebuild
        _check_event_data _check_events _check_projection _context_actor _context_causation
        _diff_generations _drop_generation
        _drop_shadow _event_actor _event_causation _event_hash
        _event_organization _event_schema_version _event_time _fold_event
        _generate_after_append _generate_event_checks _generate_event_functions _generate_fold
        _generate_projections _generate_upcasting _go_live _go_live_if_empty _has_event_of
        _if_tree _inline_event_types _lock_appends _lock_projection_row _lock_stream _new_events
        _next_position _project_batch _project_events _project_inline _project_range
        _project_up_to _projection_key _projection_reduce _pure_function
        _raise_invalid_event_data _raise_not_generated _raise_projection_busy
        _refuse_event_change _replay_or_refuse _retake_mark _seal_event_data _swap_generations
        _write_projection_row _write_snapshot""",
    ),
    # webhooks: the service's, because they carry every event out of the house
    (
        SERVICE,
        """claim_deliveries create_subscription delete_subscription disable_subscription
        discard_dead_letters enable_subscription get_dead_letters get_deliveries
        get_delivery_body get_event_work get_signing_secrets get_subscriptions
        get_webhook_delivery_stats pause_subscription prune_deliveries queue_event_for_webhooks
        _event_figures release_deliveries replay_deliveries requeue_dead_letters resume_subscription
        rotate_subscription_secret send_test_event settle_deliveries settle_delivery
        update_subscription""",
    ),
    (
        NOBODY,
        """_add_dead_letter _add_delivery_letter _add_signing_secret _change_order
        _check_delivery_list _check_subscription _disable_subscription _each_row
        _enable_subscription _endpoint_rest
        _fail_delivery _find_subscription _finish_queueing _forget_webhook_bodies
        _headers_problem _like_pattern _lock_delivery_queues _lock_fan_out _lock_subscription
        _match_events _next_due _organization_filter _parse_retry_after _queue_failed_bodies
        _refresh_delivery_queues _require_enabled _require_open_letters _restart_deliveries
        _blank_webhook_bodies _fitting_body _without_quotation
        _retry_delay _return_expired_leases _secret_key _set_paused _skip_orphans
        _slow_endpoint _subscription_problem _unblock_streams _unquotable_deliveries
        _wake_delivery_queues
        _webhook_body _with_failure _write_missing_messages _write_webhook_messages""",
    ),
    # consumer groups: the service's, as read_all is
    (
        SERVICE,
        """ack_events claim_events extend_lease fail_event get_blocked_streams
        get_consumer_group_status register_consumer_group release_partition
        reset_consumer_group resume_consumer_group unblock_stream unregister_consumer_group""",
    ),
    (
        NOBODY,
        """_check_consumer_group _check_group_position _check_lease _fail_partition
        _following_batch _give_up_event _group_retry_delay _held_back_batch _leased_partition
        _move_on _next_batch _pass_held_back _place_in_batch _raise_lease_lost _read_batch
        _reopen_group_letter _requeued_batch _require_consumer_group _resolve_group_letters
        _stream_partition _take_partition _without_blocked_streams""",
    ),
    # cqrs: handlers have their caller's rights, so the caller may execute the steps around them
    (
        ALL,
        """begin_command execute_command execute_query finish_command list_commands list_queries
        _claim_command _command_hash _context_correlation _dispatch_command
        _dispatch_query _event_correlation
        _find_answer _keep_own_answer _log_command _new_command_id _raise_forbidden
        _raise_invalid_command _raise_invalid_input _raise_invalid_query _raise_no_version
        _raise_unknown_command _raise_unknown_query _rejection _require_position""",
    ),
    (
        SERVICE,
        """flush_query_cache get_command_stats get_commands get_query_cache_stats
        prune_command_log prune_query_cache""",
    ),
    (ADMIN, "register_command register_query unregister_command unregister_query"),
    (
        NOBODY,
        """_answer_key _check_handler _count_hits _dispatch_shared_query
        _forget_cached_answers _generate_commands
        _generate_queries _keep_answer _newest_of_types _projection_state _projections_stand
        _query_problem _register_command _register_query _trim_query_cache""",
    ),
    # alerts: the service's; what calls a registered function runs with its caller's rights
    (
        SERVICE,
        """_alert_broken_rules _alert_condition_holds _alert_db_connections
        _alert_evaluator_gap _alert_ingest_drops _alert_lost_notices
        _alert_partition_runway _alert_series _alert_storage_usage _alert_task_failures
        _alert_webhook_backlog _alert_worker_silence _are_alert_channels
        _alert_deployments_rolled_back _alert_releases_switched_back
        _begin_alert_tick _check_alert_rule _check_alert_time _deployment_shift
        _is_alert_time_now _is_burn_rate _is_burn_window _measure_alert
        _measure_alert_rule _next_alert_state _raise_invalid_alert_rule _rolled_metric_time
        _raise_unknown_alert_rule _rule_to_test _settle_alert_tick _why_alert
        acknowledge_alert backtest_rule claim_alert_notifications create_alert_rule
        create_silence delete_alert_channel delete_alert_rule enable_alert_rule
        evaluate_alert_rules expire_silence explain_alert get_alert_channel_url
        get_alert_channels get_alert_metrics get_alert_notifications get_alert_rules
        get_alert_work get_alerts get_silences prune_alert_history resolve_alert
        set_alert_channel settle_alert_notification update_alert_rule orders_stuck_since""",
    ),
    (
        ADMIN,
        """register_alert_metric unregister_alert_metric""",
    ),
    (
        NOBODY,
        """_alert_channel_url _alert_destinations _alert_message _alert_notice
        _check_alert_channel _check_alert_metric _close_alert _create_alert_rule
        _drop_homeless_notices _find_silence _last_deployment_before _lock_alert
        _lock_alert_rule _notice_schedule _open_alert _queue_notices
        _raise_unknown_alert_channel _register_alert_metric _renew_notices
        _unregister_alert_metric""",
    ),
    # healing: the service heals and undoes, what a rule may do is the super admin's
    (
        SERVICE,
        """auto_heal_stuck_orders get_heal_ledger get_heal_rules get_heal_runs
        get_maintenance_runs get_maintenance_steps prune_maintenance resume_heal_rule
        run_due_maintenance run_heal_rule run_heal_rules run_maintenance_step
        run_system_maintenance schedule_maintenance set_healing_enabled undo_heal_run
        undo_healing unschedule_maintenance
        _alert_heal_rules_stopped _alert_maintenance_failures _begin_maintenance_step
        _call_heal_function _check_heal_page _end_heal_run _end_maintenance_step _end_undo
        _foresee_heal_rule _heal_budget_left _heal_exceptions _heal_verdict _judge_heal_rule
        _lock_heal_rule _run_heal_rule _lock_healing _preview_heal_rule
        _raise_unknown_heal_rule _require_scheduler""",
    ),
    (
        ADMIN,
        """register_heal_rule register_maintenance_step set_heal_limits unregister_heal_rule
        unregister_maintenance_step""",
    ),
    (
        NOBODY,
        """_check_heal_rule _check_maintenance_step _heal_function_problem _log_healing
        _raise_unknown_maintenance_step _register_heal_rule _register_maintenance_step""",
    ),
]

FUNCTIONS: dict[str, Roles] = {name: roles for roles, names in _GROUPS for name in names.split()}

DEFINERS_FOR_CLIENTS: dict[str, str] = {
    "_cursor_key": "signs the caller's own scope, which comes from the session, with the key",
    "_cursor_problem": "says only whether a cursor was ever signed here",
    "register_client_region": "adds to telemetry that clients may not read; returns nothing",
    "_pinned_version": "reads one pin, that of the caller's own client or organization",
    "check_rate_limit": "counts a call against the caller's own limit; nobody else's can be named",
    "_released_version": "says whether the caller is part of the share of the running release",
    "_claim_idempotency_key": "gives back an answer to the key, scope and fingerprint it came from",
    "_settle_idempotency_key": "stores an answer in the caller's own scope",
    "_log_own_call": "takes nothing but the meta object of a route that there is",
    "_place_order": "writes orders, which nobody may; prices come from the menu",
    "_change_order_status": "writes the status, which nobody may; checks actor and transition",
    "ingest_metrics": "adds to metrics that clients may not read; bounded, returns counts",
    "record_metric": "adds to metrics that accounts may not read; bounded, returns an id",
    "append_event": "writes events, which nobody may; into the caller's organization alone",
    "append_events": "writes events, which nobody may; into the caller's organization alone",
    "create_snapshot": "keeps what the caller can read: a state of the caller's organization",
    "safe_position": "reads the sequence of positions and the marks; returns one number",
    "_open_own_fields": "decrypts with keys of the caller's organization alone",
    "get_todays_orders": "counts the orders of a store for its staff; checks the caller's profile",
    "get_order_health_summary": "adds up a store's orders for its staff; checks their profile",
    "_catch_up_projection": "folds what is committed into rows that only their own tenant reads",
    "_guest_order_document": "reads one order to the token that its guest was given",
    "_claim_command": "gives back an answer to the key, request and caller that it came from",
    "_log_command": "adds an entry of the caller's own to the log; returns a position",
    "_find_answer": "gives what was cached for the caller, or for all who share the answer",
    "_keep_own_answer": "keeps an answer for the very caller who computed it",
    "_require_position": "says whether a position has been reached",
}
"""SECURITY DEFINER functions that anon or authenticated may execute, and why that does no harm."""

GUARDED_BY_GRANT_ALONE: dict[str, str] = {
    "_open_fields": "functions of a domain open events of the organization that they decided on",
}
"""SECURITY DEFINER functions for operators that cannot ask who calls, and why."""

# --- tables ----------------------------------------------------------------------------------

Rights: TypeAlias = dict[str, Roles]

_READ_BY_ALL: Rights = {"SELECT": ALL}
_READ_BY_ACCOUNTS: Rights = {"SELECT": ACCOUNTS}
_READ_BY_SERVICE: Rights = {"SELECT": SERVICE}
_EDITED_BY_SERVICE: Rights = {"INSERT": SERVICE, "UPDATE": SERVICE, "DELETE": SERVICE}
_PUBLIC_EDITED: Rights = {"SELECT": ALL} | _EDITED_BY_SERVICE
_OWN_ROWS_EDITED: Rights = {"SELECT": ACCOUNTS} | _EDITED_BY_SERVICE

TABLES: dict[str, Rights] = {
    "alembic_version": {},
    "error_codes": _READ_BY_ALL,
    "installation": _READ_BY_SERVICE,
    "workers": _READ_BY_SERVICE,
    "worker_tasks": _READ_BY_SERVICE,
    "command_definitions": _READ_BY_ALL,
    "command_log": _READ_BY_SERVICE,
    "query_cache": {"SELECT": ADMIN},
    "query_definitions": _READ_BY_ALL,
    "metric_drops": _READ_BY_SERVICE,
    "metric_event_types": _READ_BY_SERVICE,
    "metric_figures": _READ_BY_SERVICE,
    "metric_ingest_slots": _READ_BY_SERVICE,
    "metric_rollup_dirty": _READ_BY_SERVICE,
    "metric_rollup_state": _READ_BY_SERVICE,
    "metric_rollups": _READ_BY_SERVICE,
    "metric_series": _READ_BY_SERVICE,
    "metric_settings": {"SELECT": SERVICE, "UPDATE": ADMIN},
    "runtime_metrics": _READ_BY_SERVICE,
    "runtime_metrics_<day>": {},
    "deployment_log": _READ_BY_SERVICE,
    "deployment_steps": _READ_BY_SERVICE,
    "client_region_telemetry": _READ_BY_SERVICE,
    "realtime_fanout_log": _READ_BY_SERVICE,
    "region_health": _READ_BY_ALL,
    "region_sync_status": _READ_BY_SERVICE,
    "regions": {"SELECT": ALL, "INSERT": ADMIN, "UPDATE": ADMIN},
    "active_api_version": _READ_BY_ALL,
    "api_consumers": _READ_BY_SERVICE,
    "api_cursor_keys": {},
    "api_idempotency_keys": _READ_BY_SERVICE,
    "api_keys": {},
    "api_key_secrets": {},
    "api_rate_limits": _READ_BY_SERVICE,
    "api_rate_windows": {},
    "api_lists": _READ_BY_ALL,
    "api_releases": _READ_BY_SERVICE,
    "api_request_log": _READ_BY_SERVICE,
    "api_request_log_<day>": {},
    "api_routes": _READ_BY_ALL,
    "api_rpcs": _READ_BY_ALL,
    "api_usage_watermark": _READ_BY_SERVICE,
    "api_version_usage": _READ_BY_SERVICE,
    "api_versions": _READ_BY_ALL,
    "feature_flags": _READ_BY_ALL,
    "event_aggregate_types": _READ_BY_ACCOUNTS,
    "event_consumer_blocked_streams": _READ_BY_SERVICE,
    "event_consumer_groups": _READ_BY_SERVICE,
    "event_consumer_partitions": _READ_BY_SERVICE,
    "event_dead_letters": _READ_BY_SERVICE,
    "event_delivery_log": _READ_BY_SERVICE,
    "event_delivery_queues": _READ_BY_SERVICE,
    "event_projection_checkpoints": _READ_BY_SERVICE,
    "event_projection_definitions": _READ_BY_ACCOUNTS,
    "event_projections": _READ_BY_ACCOUNTS,
    "event_protected_fields": _READ_BY_ACCOUNTS,
    "event_reader_checkpoints": _READ_BY_SERVICE,
    "event_snapshot_requests": _READ_BY_SERVICE,
    "event_snapshots": _READ_BY_ACCOUNTS,
    "event_store": _READ_BY_ACCOUNTS,
    "event_streams": _READ_BY_ACCOUNTS,
    "event_secret_keys": {},
    "event_subject_keys": {},
    "event_subject_receipts": _READ_BY_SERVICE,
    "event_subject_streams": _READ_BY_SERVICE,
    "event_subscription_secrets": {},
    "event_subscriptions": _READ_BY_SERVICE,
    "event_types": _READ_BY_ACCOUNTS,
    "event_upcasters": _READ_BY_ACCOUNTS,
    "event_webhook_messages": _READ_BY_SERVICE,
    "events": _READ_BY_ACCOUNTS,
    "alert_metric_sources": _READ_BY_SERVICE,
    "alert_rules": _READ_BY_SERVICE,
    "alert_rule_states": _READ_BY_SERVICE,
    "alert_history": _READ_BY_SERVICE,
    "alert_silences": _READ_BY_SERVICE,
    "alert_notifications": _READ_BY_SERVICE,
    "alert_channels": {},
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
    "mv_order_health": _READ_BY_SERVICE,
    "order_health_refreshes": _READ_BY_SERVICE,
    "heal_ledger": _READ_BY_SERVICE,
    "heal_rules": _READ_BY_SERVICE,
    "heal_runs": _READ_BY_SERVICE,
    "heal_switch": _READ_BY_SERVICE,
    "maintenance_runs": _READ_BY_SERVICE,
    "maintenance_steps": _READ_BY_SERVICE,
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
    "event_store",
    "event_streams",
    "event_snapshots",
    "event_projections",
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

TENANT_VIEWS = {"events"}
"""Views of tenants' tables: with the rights of whoever reads, so that the policies hold."""

PUBLIC_TABLES = {
    "error_codes",
    "region_health",
    "regions",
    "active_api_version",
    "api_lists",
    "api_routes",
    "api_rpcs",
    "api_versions",
    "feature_flags",
    "order_status_transitions",
    "event_aggregate_types",
    "event_projection_definitions",
    "event_protected_fields",
    "event_types",
    "event_upcasters",
    "command_definitions",
    "query_definitions",
}
"""Clients may read every row, because none of them is anybody's. Any other table is closed to
clients altogether."""
