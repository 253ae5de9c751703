-- A row that was not there could not be locked: two appends may both bring its first event. The second
-- waits at the key, writes nothing, and its caller tries again with the row as it is then.
create or replace function dbkit._write_projection_row(
  p_organization_id text,
  p_projection text,
  p_generation int,
  p_key text,
  p_exists boolean,
  p_state jsonb,
  p_position bigint
)
returns boolean
language plpgsql
volatile
as $$
begin
  if p_exists and p_state is null then
    delete from dbkit.event_projections p
    where p.organization_id = p_organization_id and p.projection = p_projection
      and p.generation = p_generation and p.key = p_key;
  elsif p_exists then
    update dbkit.event_projections p
    set state = p_state, position = greatest(p.position, p_position), updated_at = dbkit.clock()
    where p.organization_id = p_organization_id and p.projection = p_projection
      and p.generation = p_generation and p.key = p_key;
  elsif p_state is not null then
    insert into dbkit.event_projections (organization_id, projection, generation, key, state, position,
      updated_at)
    values (p_organization_id, p_projection, p_generation, p_key, p_state, p_position, dbkit.clock())
    on conflict do nothing;
    return found;
  end if;
  return true;
end
$$;
comment on function dbkit._write_projection_row(text, text, int, text, boolean, jsonb, bigint) is
  'Writes the state that an event gives a row, NULL deletes it; false when somebody else made the row first.';
