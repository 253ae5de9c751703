-- Columns and operators are looked up in the list's definition, and the definition's own names go into the
-- statement; what the request holds goes in as parameters.
create or replace function dbkit._list_filter(
  p_list dbkit.api_lists,
  p_filter jsonb,
  p_search jsonb,
  out condition text,
  out vals text[]
)
language plpgsql
stable
as $$
declare
  v_column text;
  v_tests jsonb;
  v_operator text;
  v_value jsonb;
  v_test record;
begin
  condition := '';
  vals := '{}';
  if jsonb_typeof(coalesce(p_filter, '{}')) <> 'object' then
    perform dbkit._raise_list_request(p_list.name, 'filter', 'filter must be an object of columns',
      'For example {"status": {"eq": "new"}, "total": {"gte": 5, "lt": 9}}.');
  end if;
  for v_column, v_tests in select * from jsonb_each(p_filter) loop
    if not p_list.filters ? v_column or jsonb_typeof(v_tests) <> 'object' then
      perform dbkit._raise_list_request(p_list.name, 'filter.' || left(v_column, 63),
        case when p_list.filters ? v_column then format('the filter of %s must be an object of operators', v_column)
          else format('%s has no filter "%s"', p_list.name, left(v_column, 63)) end,
        format('Filters: %s.', (select coalesce(string_agg(k, ', '), 'none') from jsonb_object_keys(p_list.filters) as k)));
    end if;
    for v_operator, v_value in select * from jsonb_each(v_tests) loop
      if not p_list.filters -> v_column ? v_operator then
        perform dbkit._raise_list_request(p_list.name, format('filter.%s.%s', v_column, left(v_operator, 20)),
          format('%s cannot be filtered by "%s"', v_column, left(v_operator, 20)),
          format('Operators: %s.', (select string_agg(o, ', ')
            from jsonb_array_elements_text(p_list.filters -> v_column) as o)));
      elsif cardinality(vals) >= 20 then
        perform dbkit._raise_list_request(p_list.name, 'filter', 'a filter has at most 20 tests');
      end if;
      v_test := dbkit._list_test(p_list, v_column, v_operator, v_value, cardinality(vals) + 1);
      condition := condition || case when condition = '' then '' else ' and ' end || v_test.condition;
      vals := vals || v_test.value;
    end loop;
  end loop;
  if p_search is not null and p_search <> 'null' then
    v_test := dbkit._list_search(p_list, p_search, cardinality(vals));
    condition := condition || case when condition = '' then '' else ' and ' end || v_test.condition;
    vals := vals || v_test.vals;
  end if;
end
$$;
comment on function dbkit._list_filter(dbkit.api_lists, jsonb, jsonb) is
  'SQL of a request''s filter and search over ($4)[1] and so on, and the texts that go there; empty for none.
Raises KD140.';
grant execute on function dbkit._list_filter(dbkit.api_lists, jsonb, jsonb)
to anon, authenticated, service_role, super_admin;
