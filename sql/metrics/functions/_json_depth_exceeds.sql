-- In lax mode a path step looks into arrays by itself, so the levels of arrays are counted by hand.
create or replace function dbkit._json_depth_exceeds(p_value jsonb, p_depth int)
returns boolean
language plpgsql
immutable
as $$
declare
  v_level jsonb[] := array[p_value];
begin
  for n in 1 .. p_depth loop
    v_level := (
      select array_agg(c.value)
      from unnest(v_level) as l (value)
      cross join lateral (
        select a.value from jsonb_array_elements(case when jsonb_typeof(l.value) = 'array' then l.value end) as a
        union all
        select o.value from jsonb_each(case when jsonb_typeof(l.value) = 'object' then l.value end) as o
      ) as c
      where jsonb_typeof(c.value) in ('array', 'object'));
    if v_level is null then
      return false;
    end if;
  end loop;
  return true;
end
$$;
comment on function dbkit._json_depth_exceeds(jsonb, int) is
  'Whether objects and arrays are nested deeper than p_depth levels (a flat object has one).';
