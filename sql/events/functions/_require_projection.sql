create or replace function dbkit._require_projection(p_projection text)
returns dbkit.event_projection_definitions
language plpgsql
volatile
as $$
declare
  v_definition dbkit.event_projection_definitions;
begin
  select d.* into v_definition
  from dbkit.event_projection_definitions d
  where d.projection = p_projection;
  if not found then
    perform dbkit.raise_error('KD510', format('there is no projection %s', p_projection),
      jsonb_build_object('projection', p_projection), 'register_projection registers one.');
  end if;
  return v_definition;
end
$$;
comment on function dbkit._require_projection(text) is
  'What is registered of a projection, or KD510. VOLATILE: it must see what was committed while a lock was
waited for.';
grant execute on function dbkit._require_projection(text) to authenticated, service_role, super_admin;
