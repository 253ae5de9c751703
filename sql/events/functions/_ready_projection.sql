create or replace function dbkit._ready_projection(p_projection text)
returns void
language plpgsql
volatile
as $$
declare
  v_definition dbkit.event_projection_definitions := dbkit._require_projection(p_projection);
begin
  if p_projection = any (dbkit._service_projections()) and current_user = dbkit.caller_role()
    and not dbkit.caller_has_role('service_role')
  then
    perform dbkit.raise_error('KD003', format('the projection %s is for service_role', p_projection),
      jsonb_build_object('required_role', 'service_role', 'caller_role', dbkit.caller_role()),
      'Call the function of the domain that reads it.');
  end if;
  if v_definition.mode = 'on_demand' then
    perform dbkit._catch_up_projection(p_projection);
  elsif v_definition.mode = 'inline' and not v_definition.is_live then
    perform dbkit.raise_error('KD512', format('the projection %s has not caught up yet', p_projection),
      jsonb_build_object('projection', p_projection), 'Call run_projection until is_live is true.');
  end if;
end
$$;
comment on function dbkit._ready_projection(text) is
  'Makes a projection ready to be read, or raises KD510 or KD512.';
grant execute on function dbkit._ready_projection(text) to authenticated, service_role, super_admin;
