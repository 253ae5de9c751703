create or replace function dbkit._register_list(
  p_name text,
  p_source text,
  p_columns text[],
  p_key text[],
  p_sorts text[] default '{}',
  p_default_sort text default null,
  p_filters jsonb default '{}',
  p_search text[] default '{}',
  p_max_limit int default 100,
  p_default_limit int default 20,
  p_required_role text default null,
  p_not_null text[] default '{}',
  p_description text default ''
)
returns jsonb
language plpgsql
volatile
as $$
declare
  v_list dbkit.api_lists;
  v_problem text;
begin
  perform dbkit._lock_registry();
  v_list.name := p_name;
  v_list.shown := p_columns;
  v_list.key_columns := p_key;
  v_list.default_sort := coalesce(p_default_sort, array_to_string(p_key, ','));
  v_list.sorts := array(
    select c
    from unnest(p_sorts || p_key || string_to_array(replace(v_list.default_sort, '-', ''), ',')) with ordinality as s (c, n)
    group by c
    order by min(n));
  v_list.search := coalesce(p_search, '{}');
  v_list.max_limit := p_max_limit;
  v_list.default_limit := p_default_limit;
  v_list.required_role := p_required_role;
  v_list.description := coalesce(p_description, '');
  v_list.registered_at := dbkit.clock();
  v_list.registered_by := dbkit.caller_role();
  v_list.source := dbkit._list_source(p_name, p_source, p_key);
  v_list.column_types := dbkit._list_columns(v_list.source,
    coalesce(p_not_null, '{}') || case when (select c.relkind not in ('r', 'p') from pg_catalog.pg_class c
      where c.oid = v_list.source::regclass) then p_key else '{}' end);
  v_list.filters := dbkit._list_filters(p_name, p_filters, v_list.column_types);
  v_problem := dbkit._list_problem(v_list);
  if v_problem is not null then
    perform dbkit._raise_invalid_list(p_name, v_problem);
  end if;
  v_list.orders := (
    select jsonb_object_agg(s.sort, dbkit._list_order(v_list.column_types, v_list.key_columns, s.sort))
    from (
      select v_list.default_sort as sort
      union
      select c from unnest(v_list.sorts) as c
      union
      select '-' || c from unnest(v_list.sorts) as c
    ) as s);
  insert into dbkit.api_lists as l (name, source, shown, key_columns, sorts, default_sort, filters, search, max_limit,
    default_limit, required_role, column_types, orders, description, registered_at, registered_by)
  values (v_list.name, v_list.source, v_list.shown, v_list.key_columns, v_list.sorts, v_list.default_sort,
    v_list.filters, v_list.search, v_list.max_limit, v_list.default_limit, v_list.required_role,
    v_list.column_types, v_list.orders, v_list.description, v_list.registered_at, v_list.registered_by)
  on conflict (name) do update
  set source = excluded.source, shown = excluded.shown, key_columns = excluded.key_columns, sorts = excluded.sorts,
    default_sort = excluded.default_sort, filters = excluded.filters, search = excluded.search,
    max_limit = excluded.max_limit, default_limit = excluded.default_limit,
    required_role = excluded.required_role, column_types = excluded.column_types, orders = excluded.orders,
    description = excluded.description, registered_at = excluded.registered_at,
    registered_by = excluded.registered_by
  returning l.* into v_list;
  perform dbkit._generate_list(v_list);
  perform dbkit._generate_list_dispatcher();
  return jsonb_build_object('name', v_list.name, 'source', v_list.source, 'sorts', v_list.sorts,
    'warnings', dbkit._list_warnings(v_list));
end
$$;
comment on function dbkit._register_list(
  text, text, text[], text[], text[], text, jsonb, text[], int, int, text, text[], text) is
  'What register_list does after it checked the caller; migrations call it for shipped lists.';
