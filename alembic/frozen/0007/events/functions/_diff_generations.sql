create or replace function dbkit._diff_generations(p_projection text, p_live int, p_shadow int)
returns jsonb
language plpgsql
stable
as $$
begin
  return (
    select jsonb_build_object(
      'differing', count(*) filter (where l.state <> s.state),
      'missing', count(*) filter (where l.key is null),
      'extra', count(*) filter (where s.key is null))
    from (
      select p.* from dbkit.event_projections p
      where p.projection = p_projection and p.generation = p_live
    ) l
    full join (
      select p.* from dbkit.event_projections p
      where p.projection = p_projection and p.generation = p_shadow
    ) s on s.organization_id = l.organization_id and s.key = l.key);
end
$$;
comment on function dbkit._diff_generations(text, int, int) is
  'How many rows of the live generation differ from, are missing or are extra to those of the shadow.';
