-- Row level security and grants are the caller's: nothing here is SECURITY DEFINER but the signing of
-- cursors. A page without a filter runs a statement that was generated when the list was registered and
-- stays planned; with a filter the same writer's text is planned for its values, so that each filter
-- finds its index. One row more than asked for tells whether the list goes on. The setting keeps all
-- digits of a float in a cursor.
create or replace function dbkit.page_list(
  p_name text,
  p_request jsonb default '{}',
  p_version text default null
)
returns jsonb
language plpgsql
stable
set extra_float_digits = 1
as $$
declare
  v_list dbkit.api_lists;
  v_request jsonb := coalesce(p_request, '{}');
  v_sort text;
  v_order jsonb;
  v_limit bigint;
  v_filter record;
  v_condition text := '';
  v_values text[] := array[]::text[];
  v_version text;
  v_binding text;
  v_place record;
  v_statement int;
  v_rows json[];
  v_more boolean;
  v_next boolean;
  v_previous boolean;
  v_cursors record;
  v_total record;
  v_count bigint;
  v_count_kind text;
begin
  select * into v_list from dbkit.api_lists l where l.name = p_name;
  perform dbkit._check_list_request(v_list, p_name, v_request);
  v_sort := case when v_request ? 'sort' then dbkit._list_sort(v_list, v_request -> 'sort')
    else v_list.default_sort end;
  v_order := coalesce(v_list.orders -> v_sort -> 'order',
    dbkit._list_order(v_list.column_types, v_list.key_columns, v_sort));
  v_limit := case when v_request ? 'limit'
    then dbkit._list_number(p_name, v_request, 'limit', v_list.default_limit, 1, v_list.max_limit)
    else v_list.default_limit end;
  if v_request ?| '{filter,search}' then
    v_filter := dbkit._list_filter(v_list, v_request -> 'filter', v_request -> 'search');
    v_condition := v_filter.condition;
    v_values := v_filter.vals;
  end if;
  v_version := coalesce(p_version, dbkit.context_value('api_version'));
  if v_version is null then
    select a.current_version into v_version from dbkit.active_api_version a;
  end if;
  v_binding := jsonb_build_array(p_name, v_version, v_order, v_condition, v_values)::text;
  v_place := dbkit._list_place(p_name, v_request, v_binding, v_limit);

  if v_condition = '' then
    v_statement := (v_list.orders -> v_sort -> 'statements' -> v_place.shape)::int;
  end if;
  if v_statement is not null then
    v_rows := dbkit._list_rows(v_list.list_id, v_place.edge, v_limit + 1, v_place.skipped, v_statement);
  else
    execute format('select array(%s)', dbkit._list_statement(v_list.source, v_list.shown, v_order, v_place.shape,
      array(select e is null from unnest(v_place.edge) with ordinality as u (e, n) order by n), v_condition))
    into v_rows
    using v_place.edge, v_limit + 1, v_place.skipped, v_values;
  end if;
  v_more := cardinality(v_rows) > v_limit;
  if v_place.shape in ('start', 'after') then
    v_rows := v_rows[:v_limit];
    v_next := v_more;
    v_previous := v_place.shape = 'after' or v_place.skipped > 0;
  else
    v_rows := case when v_more then v_rows[2:] else v_rows end;
    v_next := v_place.shape = 'before';
    v_previous := v_more;
  end if;

  -- An empty page has no edge: what lies behind it is the list from its very end, or its very start ([]).
  v_cursors := dbkit._seal_cursors(v_binding,
    case when v_next then dbkit._list_edge(v_order, v_rows[cardinality(v_rows)]) end,
    case when v_previous then dbkit._list_edge(v_order, v_rows[1]) end);
  if v_request ? 'count' then
    v_total := dbkit._list_total(v_list, v_request);
    v_count := v_total.total;
    v_count_kind := v_total.total_kind;
  end if;
  return json_build_object(
    'items', case when v_request ? 'fields' then dbkit._list_fields(v_list, v_request -> 'fields', v_rows)
      else array_to_json(v_rows) end,
    'page', json_build_object('limit', v_limit, 'sort', v_sort, 'has_next', v_next, 'has_previous', v_previous,
      'next_cursor', v_cursors.next_cursor, 'previous_cursor', v_cursors.previous_cursor,
      'offset', case when v_request ?| '{offset,page}' then v_place.skipped end,
      'total', v_count, 'total_kind', v_count_kind))::jsonb;
end
$$;
comment on function dbkit.page_list(text, jsonb, text) is
  'One page of a registered list, with the rights of the caller. p_request, all optional:
limit; where it begins: cursor (next_cursor or previous_cursor of another page, with the same sort,
filter and search), offset or page (from 1), or last: true, else at the start; sort: "-created_at,name"
or an array, - for descending, NULLs last both ways; filter: {status: {eq: "new"}, total: {gte: 5, lt: 9},
id: {in: [1, 2]}, name: {like: "a%"}, note: {null: true}}, all of which must hold; search: words, each
of which must occur in one of the columns that are searched; count: none, estimated (exact up to
10,000) or exact; fields: names of columns.
p_version: the API version that a cursor is good for, else the context''s, else the active one. Cursors
are signed and good for the same list, role, organization, user, version, sort, filter and search only.
has_previous of a page after a cursor, and has_next of one before it, only say that there was a row.
Returns {items json[], page {limit int, sort text, has_next boolean, has_previous boolean, next_cursor text?, previous_cursor text?, offset bigint?, total bigint?, total_kind text?}}.
Raises KD003, KD140 (detail: the field), KD141 cursor, KD142 unknown list.';
grant execute on function dbkit.page_list(text, jsonb, text)
to anon, authenticated, service_role, super_admin;
