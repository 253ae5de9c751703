create or replace function dbkit._register_applier(
  p_aggregate_type text,
  p_applier text,
  p_applier_version int default 1
)
returns void
language plpgsql
volatile
as $$
declare
  v_signature text;
begin
  perform dbkit._lock_registry();
  if (length(p_aggregate_type) between 1 and 100 and p_applier_version > 0) is not true then
    perform dbkit.raise_error('KD508', format('an applier of "%s" cannot be registered: the aggregate type must '
        'have 1 to 100 characters, the applier''s version be 1 or more', p_aggregate_type),
      jsonb_build_object('aggregate_type', p_aggregate_type, 'applier_version', p_applier_version));
  end if;
  v_signature := dbkit._check_event_function(format('applier of %s', p_aggregate_type), p_applier,
    '(jsonb,dbkit.event_store)', array[current_user::text, 'authenticated', 'service_role', 'super_admin']);
  insert into dbkit.event_aggregate_types (aggregate_type, applier_signature, applier_version, registered_at,
    registered_by)
  values (p_aggregate_type, v_signature, p_applier_version, dbkit.clock(), dbkit.caller_role())
  on conflict (aggregate_type) do update
  set applier_signature = excluded.applier_signature, applier_version = excluded.applier_version,
    registered_at = excluded.registered_at, registered_by = excluded.registered_by;
  perform dbkit._generate_event_functions();
end
$$;
comment on function dbkit._register_applier(text, text, int) is
  'What register_applier does after it checked the caller; migrations call it for the shipped types.';
