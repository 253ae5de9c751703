create or replace function dbkit._after_append(
  p_organization_id text,
  p_aggregate_type text,
  p_aggregate_id text,
  p_event_type text,
  p_first_version bigint,
  p_last_version bigint
)
returns boolean
language sql
volatile
as $$
select false
$$;
comment on function dbkit._after_append(text, text, text, text, bigint, bigint) is
  'Generated from event_aggregate_types and event_projection_definitions by _generate_event_functions: asks
for snapshots and runs inline projections, for the types that have any.';
