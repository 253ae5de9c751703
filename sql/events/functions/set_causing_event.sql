create or replace function dbkit.set_causing_event(p_event_id uuid)
returns void
language plpgsql
volatile
as $$
declare
  v_event dbkit.event_store;
begin
  select * into v_event
  from dbkit.event_store e
  where e.organization_id = (select dbkit.current_organization()) and e.event_id = p_event_id;
  if not found then
    perform dbkit.raise_error('KD004', format('there is no event %s', p_event_id),
      jsonb_build_object('argument', 'p_event_id'), 'Pass the event_id of an event of this organization.');
  end if;
  perform set_config('dbkit.causation_id', p_event_id::text, true),
    set_config('dbkit.correlation_id', coalesce(v_event.correlation_id, p_event_id::text), true);
end
$$;
comment on function dbkit.set_causing_event(uuid) is
  'Says that what this transaction appends from now on was caused by an event: its id becomes causation_id,
its correlation_id (or, if it has none, its id) goes on. For consumers that react to events. Raises KD004.';
grant execute on function dbkit.set_causing_event(uuid) to authenticated, service_role, super_admin;
