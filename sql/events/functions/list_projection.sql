-- The upper bound of a prefix is the largest key that can begin with it, so a page is one index range.
create or replace function dbkit.list_projection(
  p_projection text,
  p_after_key text default null,
  p_limit int default 100,
  p_prefix text default null
)
returns table (key text, state jsonb, "position" bigint, updated_at timestamptz)
language plpgsql
volatile
as $$
#variable_conflict use_column
begin
  perform dbkit._check_page(p_limit);
  perform dbkit._ready_projection(p_projection);
  return query
  select p.key, p.state, p.position, p.updated_at
  from dbkit.event_projections p
  where p.organization_id = (select dbkit.current_organization()) and p.projection = p_projection
    and p.generation = (
      select d.live_generation from dbkit.event_projection_definitions d where d.projection = p_projection)
    and p.key > coalesce(p_after_key, '') and p.key >= coalesce(p_prefix, '')
    and p.key <= coalesce(p_prefix, '') || repeat(chr(1114111), 400)
  order by p.key
  limit p_limit;
end
$$;
comment on function dbkit.list_projection(text, text, int, text) is
  'Rows of a projection in the caller''s organization in the order of their keys (by bytes), after
p_after_key (NULL: from the first), at most p_limit (1 to 10000), only keys that begin with p_prefix (NULL:
all). To go on, pass the last key. position: of the newest event in the state. How fresh they are: as in
get_projection.
Raises KD004, KD507, KD510, KD512.';
grant execute on function dbkit.list_projection(text, text, int, text)
to authenticated, service_role, super_admin;
