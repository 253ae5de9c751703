-- The one writer of a page's statement, for the generated functions and for what page_list plans at once.
-- Parameters: $1 values of the edge, $2 limit, $3 offset, $4 values of the filter.
create or replace function dbkit._list_statement(
  p_source text,
  p_shown text[],
  p_order jsonb,
  p_shape text,
  p_nulls boolean[],
  p_condition text
)
returns text
language plpgsql
immutable
as $$
declare
  v_backward boolean := p_shape in ('end', 'before');
  v_branches text[] := case when p_shape in ('after', 'before')
    then dbkit._list_branches(p_order, v_backward, p_nulls) else array[''] end;
  v_by text := dbkit._list_order_by(p_order, v_backward, 't');
  v_columns text := (select string_agg(format('t.%I', c), ', ' order by n)
    from unnest(p_shown) with ordinality as s (c, n));
  v_text text;
begin
  select string_agg(
    format('select %s from %s t%s order by %s limit $2%s', v_columns, p_source,
      case when b.condition <> '' and p_condition <> '' then format(' where %s and %s', b.condition, p_condition)
        when b.condition <> '' or p_condition <> '' then ' where ' || b.condition || p_condition else '' end,
      v_by, case when p_shape = 'start' then ' offset $3' else '' end),
    ') union all (' order by b.n)
  into v_text
  from unnest(v_branches) with ordinality as b (condition, n);
  if cardinality(v_branches) <> 1 then
    v_text := format('select t.* from ((%s)) t order by %s limit $2', v_text, v_by);
  end if;
  if v_backward then
    v_text := format('select t.* from (%s) t order by %s', v_text, dbkit._list_order_by(p_order, false, 't'));
  end if;
  return format('select row_to_json(p.*) from (%s) p', v_text);
end
$$;
comment on function dbkit._list_statement(text, text[], jsonb, text, boolean[], text) is
  'SQL of one page, each row as json, always in forward order. p_shape: start or end of the list, after
or before an edge. p_condition: the filter, or empty. Its parameters: edge text[], limit, offset, values
of the filter text[].';
grant execute on function dbkit._list_statement(text, text[], jsonb, text, boolean[], text)
to anon, authenticated, service_role, super_admin;
