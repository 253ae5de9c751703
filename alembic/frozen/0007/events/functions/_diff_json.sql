create or replace function dbkit._diff_json(p_from jsonb, p_to jsonb, p_path text default '')
returns table (path text, change text, from_value jsonb, to_value jsonb)
language plpgsql
immutable
as $$
begin
  if p_from is not distinct from p_to then
    return;
  elsif jsonb_typeof(p_from) = 'object' and jsonb_typeof(p_to) = 'object' then
    return query
      select d.*
      from (select jsonb_object_keys(p_from) union select jsonb_object_keys(p_to)) as k (key)
      cross join lateral dbkit._diff_json(p_from -> k.key, p_to -> k.key,
        p_path || '/' || replace(replace(k.key, '~', '~0'), '/', '~1')) as d;
  elsif jsonb_typeof(p_from) = 'array' and jsonb_typeof(p_to) = 'array' then
    return query
      select d.*
      from generate_series(0, greatest(jsonb_array_length(p_from), jsonb_array_length(p_to)) - 1) as k (nth)
      cross join lateral dbkit._diff_json(p_from -> k.nth, p_to -> k.nth, p_path || '/' || k.nth) as d;
  else
    return query
      select p_path, case when p_from is null then 'added' when p_to is null then 'removed' else 'changed' end,
        p_from, p_to;
  end if;
end
$$;
comment on function dbkit._diff_json(jsonb, jsonb, text) is
  'Where two JSON values differ, as diff_state tells it, in no order.';
grant execute on function dbkit._diff_json(jsonb, jsonb, text) to authenticated, service_role, super_admin;
