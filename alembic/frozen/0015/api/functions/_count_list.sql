-- Counts up to ten thousand rows, and asks the planner about more. VOLATILE since EXPLAIN is a command to
-- Postgres; it reads only. The text is put together here from the list's definition.
create or replace function dbkit._count_list(
  p_list text,
  p_filter jsonb,
  p_search jsonb,
  p_kind text,
  out total bigint,
  out total_kind text
)
language plpgsql
volatile
as $$
declare
  v_list dbkit.api_lists;
  v_filter record;
  v_from text;
  v_plan json;
begin
  select * into v_list from dbkit.api_lists l where l.name = p_list;
  v_filter := dbkit._list_filter(v_list, p_filter, p_search);
  v_from := format('select 1 from %s t%s', v_list.source,
    case when v_filter.condition <> '' then ' where ' || v_filter.condition else '' end);
  total_kind := 'exact';
  if p_kind = 'exact' then
    execute format('select count(*) from (%s) c', v_from) into total using 0, 0, 0, v_filter.vals;
    return;
  end if;
  execute format('select count(*) from (%s limit 10001) c', v_from) into total using 0, 0, 0, v_filter.vals;
  if total > 10000 then
    execute 'explain (format json) ' || v_from into v_plan using 0, 0, 0, v_filter.vals;
    total := greatest(total, (v_plan -> 0 -> 'Plan' ->> 'Plan Rows')::numeric::bigint);
    total_kind := 'estimated';
  end if;
end
$$;
comment on function dbkit._count_list(text, jsonb, jsonb, text) is
  'How many rows a list has for a filter and search, as the caller sees it. p_kind estimated: exact up
to 10,000, from there on the planner''s estimate; total_kind says which it is.';
grant execute on function dbkit._count_list(text, jsonb, jsonb, text)
to anon, authenticated, service_role, super_admin;
