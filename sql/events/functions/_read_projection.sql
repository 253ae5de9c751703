-- One statement finds the live generation and reads it, so a swap is before it or after it. VOLATILE:
-- it must see what it has just caught up.
create or replace function dbkit._read_projection(p_organization_id text, p_projection text, p_key text)
returns jsonb
language plpgsql
volatile
as $$
begin
  perform dbkit._ready_projection(p_projection);
  return (
    select p.state
    from dbkit.event_projection_definitions d
    join dbkit.event_projections p on p.projection = d.projection and p.generation = d.live_generation
    where d.projection = p_projection and p.organization_id = p_organization_id and p.key = p_key);
end
$$;
comment on function dbkit._read_projection(text, text, text) is
  'What get_projection does, of an organization that the caller knows; for functions of a domain.';
grant execute on function dbkit._read_projection(text, text, text)
to authenticated, service_role, super_admin;
