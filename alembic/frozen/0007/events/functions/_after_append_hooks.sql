-- What the generated _after_append calls when something is to be done. It asks for a snapshot and does
-- not make it: no append waits for a fold.
create or replace function dbkit._after_append_hooks(
  p_organization_id text,
  p_aggregate_type text,
  p_aggregate_id text,
  p_event_type text,
  p_first_version bigint,
  p_last_version bigint
)
returns boolean
language plpgsql
volatile
as $$
declare
  v_event_types text[] := dbkit._inline_event_types();
  v_event dbkit.event_store;
begin
  insert into dbkit.event_snapshot_requests (organization_id, aggregate_type, aggregate_id, requested_at)
  select p_organization_id, p_aggregate_type, p_aggregate_id, dbkit.clock()
  from dbkit.event_aggregate_types t
  where t.aggregate_type = p_aggregate_type and t.applier_signature is not null and t.snapshot_every > 0
    and p_last_version / t.snapshot_every > (p_first_version - 1) / t.snapshot_every
  on conflict do nothing;
  if cardinality(v_event_types) = 0
    or not (p_event_type is null or p_event_type = any (v_event_types) or '*' = any (v_event_types))
  then
    return true;
  end if;
  for v_event in
    select e.*
    from dbkit.events e
    where e.organization_id = p_organization_id and e.aggregate_type = p_aggregate_type
      and e.aggregate_id = p_aggregate_id and e.version between p_first_version and p_last_version
      and ('*' = any (v_event_types) or e.event_type = any (v_event_types))
    order by e.version
  loop
    perform dbkit._project_inline(v_event);
  end loop;
  return true;
end
$$;
comment on function dbkit._after_append_hooks(text, text, text, text, bigint, bigint) is
  'After an append of these versions (event type NULL: a batch): asks for a snapshot when one is due, and
runs the inline projections. What a reducer raises refuses the append.';
