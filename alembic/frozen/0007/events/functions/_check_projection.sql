create or replace function dbkit._check_projection(
  p_projection text,
  p_event_types text[],
  p_mode text,
  p_access text
)
returns void
language plpgsql
volatile
as $$
declare
  v_mode text;
  v_problem text;
begin
  select d.mode into v_mode from dbkit.event_projection_definitions d where d.projection = p_projection;
  v_problem := case
    when p_projection is null or p_projection !~ '^[a-z][a-z0-9_]{0,62}$'
      then 'the name must be snake case, at most 63 characters'
    when p_mode is null or p_mode not in ('inline', 'async', 'on_demand')
      then 'the mode is inline, async or on_demand'
    when p_access is null or p_access not in ('organization', 'service')
      then 'the access is organization or service'
    when coalesce(cardinality(p_event_types), 0) = 0 or array_ndims(p_event_types) <> 1
      or exists (select from unnest(p_event_types) t where (length(t) between 1 and 100) is not true)
      then 'event_types must name at least one event type; {*} is all'
    when (v_mode = 'inline') is distinct from (p_mode = 'inline') and v_mode is not null
      then format('it is %s; unregister it first to make it %s', v_mode, p_mode)
  end;
  if v_problem is not null then
    perform dbkit.raise_error('KD508', format('the projection %s cannot be registered: %s', p_projection,
        v_problem), jsonb_build_object('projection', p_projection, 'mode', p_mode),
      'The comment of dbkit.register_projection says what a projection needs.');
  end if;
end
$$;
comment on function dbkit._check_projection(text, text[], text, text) is
  'Raises KD508 when a projection cannot be registered with this name, event types, mode and
access.';
