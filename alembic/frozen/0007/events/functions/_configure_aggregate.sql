create or replace function dbkit._configure_aggregate(
  p_aggregate_type text,
  p_snapshot_every int,
  p_is_chained boolean,
  p_access text
)
returns void
language plpgsql
volatile
as $$
begin
  perform dbkit._lock_registry();
  select
    coalesce(p_snapshot_every, t.snapshot_every, 100), coalesce(p_is_chained, t.is_chained, false),
    coalesce(p_access, t.access, 'organization')
  into p_snapshot_every, p_is_chained, p_access
  from (select) as one
  left join dbkit.event_aggregate_types t on t.aggregate_type = p_aggregate_type;
  if (length(p_aggregate_type) between 1 and 100 and p_snapshot_every between 0 and 1000000
    and p_access in ('organization', 'service')) is not true
  then
    perform dbkit.raise_error('KD508', format('the aggregate type "%s" cannot be configured: its name must have 1 '
        'to 100 characters, snapshot_every be 0 to 1000000, access be organization or service', p_aggregate_type),
      jsonb_build_object('aggregate_type', p_aggregate_type, 'snapshot_every', p_snapshot_every,
        'is_chained', p_is_chained, 'access', p_access));
  end if;
  insert into dbkit.event_aggregate_types (aggregate_type, snapshot_every, is_chained, access, registered_at,
    registered_by)
  values (p_aggregate_type, p_snapshot_every, p_is_chained, p_access, dbkit.clock(), dbkit.caller_role())
  on conflict (aggregate_type) do update
  set snapshot_every = excluded.snapshot_every, is_chained = excluded.is_chained, access = excluded.access,
    registered_at = excluded.registered_at, registered_by = excluded.registered_by;
  perform dbkit._generate_event_functions();
end
$$;
comment on function dbkit._configure_aggregate(text, int, boolean, text) is
  'What configure_aggregate does after it checked the caller; migrations call it for the shipped types.';
