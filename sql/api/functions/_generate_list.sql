-- One function a list, so that a session compiles only what it uses, and a small dispatcher over them
-- all. What the definition says is written into it, and its statements stay planned: reading the
-- definition and planning took longer than the page itself (docs/adr/0014). Its first three arguments are
-- variables of the body: only $1 cannot be a column of the source.
create or replace function dbkit._generate_list(p_list dbkit.api_lists)
returns void
language plpgsql
volatile
as $$
declare
  v_statements text;
  v_body text;
begin
  select string_agg(format(E'  elsif v_sort = %L then\n%s    end if;\n', o.sort, o.shapes), '' order by o.n)
  into v_statements
  from (
    select s.sort, row_number() over (order by s.sort <> p_list.default_sort, s.sort) as n,
      (select string_agg(format(E'    %s v_shape = %L then\n      v_rows := array(%s);\n',
          case h.n when 1 then 'if' else 'elsif' end, h.shape,
          dbkit._list_statement(p_list.source, p_list.shown, s.terms, h.shape, null, '')), '' order by h.n)
        from unnest('{start,after,end,before}'::text[]) with ordinality as h (shape, n)
        where h.shape in ('start', 'end') or not s.terms @? '$[*][2] ? (@ == true)') as shapes
    from jsonb_each(p_list.orders) as s (sort, terms)
  ) as o;
  v_body := format(
    $text$
#variable_conflict use_column
declare
  v_edge alias for $1;
  v_read alias for $2;
  v_skipped alias for $3;
  v_request alias for $4;
  v_version alias for $5;
  v_plain boolean := case when jsonb_typeof(v_request) = 'object'
    then v_request - '{limit,cursor,sort}'::text[] = '{}' else false end;
  v_cursor text := v_request ->> 'cursor';
  v_sort text := coalesce(v_request ->> 'sort', %1$L);
  v_order jsonb := %2$L::jsonb -> v_sort;
  v_list dbkit.api_lists;
  v_filter record;
  v_condition text := '';
  v_values text[] := array[]::text[];
  v_limit int;
  v_place record;
  v_shape text := 'start';
  v_binding text;
  v_key bytea;
  v_rows json[];
  v_more boolean;
  v_next boolean;
  v_previous boolean;
  v_first text[] := array[]::text[];
  v_last text[] := array[]::text[];
  v_cursors text[];
  v_total record;
  v_count bigint;
  v_count_kind text;
begin
  if not v_plain or v_order is null%3$s then
    select l.* into v_list from dbkit.api_lists l where l.name = %4$L;
    if not found then
      return null;
    end if;
    perform dbkit._check_list_request(v_list, v_request);
    v_sort := dbkit._list_sort(v_list, v_request -> 'sort');
    v_order := dbkit._list_order(v_list.column_types, v_list.key_columns, v_sort);
    v_plain := false;
  end if;
  v_limit := case when v_request ? 'limit'
    then dbkit._list_number(%4$L, v_request, 'limit', %5$s, 1, %6$s)::int else %5$s end;
  v_read := v_limit + 1;
  if not v_plain then
    v_filter := dbkit._list_filter(v_list, v_request -> 'filter', v_request -> 'search');
    v_condition := v_filter.condition;
    v_values := v_filter.vals;
    v_place := dbkit._list_place(%4$L, v_request, v_limit);
    v_shape := v_place.shape;
    v_skipped := v_place.skipped;
  end if;
  v_binding := array[%4$L, v_order::text, v_condition, v_values::text]::text;
  v_key := dbkit._cursor_key(v_binding, v_version);
  if v_cursor is not null then
    v_edge := dbkit._open_cursor(v_key, v_cursor, v_binding, v_version);
    if v_edge is null then
      perform dbkit._raise_list_cursor(%4$L, v_cursor);
    end if;
    v_shape := case left(v_cursor, 1) when 'n' then case when v_edge = '{}' then 'start' else 'after' end
      else case when v_edge = '{}' then 'end' else 'before' end end;
  end if;

  if v_condition <> '' then
    v_rows := null;
%7$s  end if;
  if v_rows is null then
    execute format('select array(%%s)', dbkit._list_statement(%8$L, %9$L, v_order, v_shape,
      array(select e is null from unnest(v_edge) with ordinality as u (e, n) order by n), v_condition))
    into v_rows
    using v_edge, v_read, v_skipped, v_values;
  end if;
  v_more := cardinality(v_rows) > v_limit;
  if v_shape in ('start', 'after') then
    v_rows := v_rows[:v_limit];
    v_next := v_more;
    v_previous := v_shape = 'after' or v_skipped > 0;
  else
    v_rows := case when v_more then v_rows[2:] else v_rows end;
    v_next := v_shape = 'before';
    v_previous := v_more;
  end if;

  if cardinality(v_rows) > 0 then
    for n in 0..jsonb_array_length(v_order) - 1 loop
      v_first[n + 1] := v_rows[1] ->> (v_order -> n ->> 0);
      v_last[n + 1] := v_rows[cardinality(v_rows)] ->> (v_order -> n ->> 0);
    end loop;
  end if;
  v_cursors := dbkit._seal_cursors(v_key, v_first || v_last);
  if v_request ? 'count' then
    v_total := dbkit._list_total(v_list, v_request);
    v_count := v_total.total;
    v_count_kind := v_total.total_kind;
  end if;
  return json_build_object(
    'items', case when v_request ? 'fields' then dbkit._list_fields(v_list, v_request -> 'fields', v_rows)
      else array_to_json(v_rows) end,
    'page', json_build_object('limit', v_limit, 'sort', v_sort, 'has_next', v_next, 'has_previous', v_previous,
      'next_cursor', case when v_next then v_cursors[1] end,
      'previous_cursor', case when v_previous then v_cursors[2] end,
      'offset', case when v_request ?| '{offset,page}' then v_skipped end,
      'total', v_count, 'total_kind', v_count_kind));
end
    $text$,
    p_list.default_sort, p_list.orders,
    case when p_list.required_role is null then ''
      else format(' or not dbkit.caller_has_role(%L)', p_list.required_role) end,
    p_list.name, p_list.default_limit, p_list.max_limit, v_statements, p_list.source, p_list.shown);
  execute format(
    $text$
create or replace function dbkit.%I(text[], int, bigint, jsonb, text)
returns json
language plpgsql
stable
as %L
    $text$, '_page_of_' || p_list.name, v_body);
  execute format('comment on function dbkit.%I(text[], int, bigint, jsonb, text) is %L', '_page_of_' || p_list.name,
    format('Generated from api_lists: page_list for %s. The arguments: variables that begin as an empty array, NULL
and 0; request; API version or NULL.',
      p_list.name));
  execute format('revoke all on function dbkit.%I(text[], int, bigint, jsonb, text) from public',
    '_page_of_' || p_list.name);
  execute format('grant execute on function dbkit.%I(text[], int, bigint, jsonb, text) to anon, authenticated, '
    'service_role, super_admin', '_page_of_' || p_list.name);
end
$$;
comment on function dbkit._generate_list(dbkit.api_lists) is
  'Writes the function _page_of_<name> of a list. The caller holds the registry lock.';
