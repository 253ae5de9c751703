-- A candidate runs here, with the rights of the caller, and never below SECURITY DEFINER.
create or replace function dbkit.replay_events(
  p_aggregate_type text,
  p_aggregate_id text,
  p_to_version bigint default null,
  p_applier text default null
)
returns jsonb
language plpgsql
stable
as $$
declare
  v_organization_id text := dbkit.current_organization();
  v_signature text;
  v_schema name;
  v_name name;
  v_target bigint;
  v_event dbkit.event_store;
  v_state jsonb := '{}'::jsonb;
begin
  if p_applier is null then
    return dbkit._aggregate_state(v_organization_id, p_aggregate_type, p_aggregate_id, p_to_version, null, false)
      - 'snapshot_version';
  end if;
  perform dbkit.require_service('replaying with a function that is not registered');
  v_signature := dbkit._check_event_function('applier to replay with', p_applier, '(jsonb,dbkit.event_store)',
    array[current_user::text]);
  select n.nspname, p.proname
  into v_schema, v_name
  from pg_catalog.pg_proc p
  join pg_catalog.pg_namespace n on n.oid = p.pronamespace
  where p.oid = to_regprocedure(v_signature);
  v_target := dbkit._target_version(v_organization_id, p_aggregate_type, p_aggregate_id, p_to_version, null);
  for v_event in
    select e.*
    from dbkit.events e
    where e.organization_id = v_organization_id and e.aggregate_type = p_aggregate_type
      and e.aggregate_id = p_aggregate_id and e.version <= v_target
    order by e.version
  loop
    execute format('select %I.%I($1, $2)', v_schema, v_name) into v_state using v_state, v_event;
    if v_state is null then
      perform dbkit._raise_null_result(v_signature, jsonb_build_object('aggregate_type', p_aggregate_type,
        'aggregate_id', p_aggregate_id, 'version', v_event.version));
    end if;
  end loop;
  return jsonb_build_object('state', v_state, 'version', v_target, 'position', coalesce(v_event.position, 0),
    'as_of', v_event.created_at);
end
$$;
comment on function dbkit.replay_events(text, text, bigint, text) is
  'Folds a stream of the caller''s organization from its very first event to p_to_version (NULL: the
newest), without snapshots. With p_applier, schema.function(jsonb,dbkit.event_store), it is folded by that
function instead of the registered one, to see what it would make of the same events: that needs
service_role, and the function runs with the caller''s own rights.
Returns {state jsonb, version bigint, position bigint, as_of timestamptz?}.
Raises KD003, KD004, KD502, KD508 (the function is not acceptable, or returned NULL), KD509, and what the
applier raises.';
grant execute on function dbkit.replay_events(text, text, bigint, text)
to authenticated, service_role, super_admin;
