create or replace function dbkit._project_inline(p_event dbkit.event_store)
returns void
language plpgsql
volatile
as $$
begin
  if p_event.event_type = any (dbkit._inline_event_types()) then
    perform dbkit._raise_not_generated('inline', p_event);
  end if;
end
$$;
comment on function dbkit._project_inline(dbkit.event_store) is
  'Generated from event_projection_definitions by _generate_projections: applies an event to the rows of
the live inline projections.';
