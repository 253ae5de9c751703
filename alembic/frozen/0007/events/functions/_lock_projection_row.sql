create or replace function dbkit._lock_projection_row(
  p_organization_id text,
  p_projection text,
  p_generation int,
  p_key text
)
returns jsonb
language plpgsql
volatile
as $$
declare
  v_state jsonb;
begin
  select p.state into v_state
  from dbkit.event_projections p
  where p.organization_id = p_organization_id and p.projection = p_projection
    and p.generation = p_generation and p.key = p_key
  for update;
  return v_state;
end
$$;
comment on function dbkit._lock_projection_row(text, text, int, text) is
  'State of a row that an append is about to change, locked to the commit; NULL when there is none.';
