create or replace function dbkit._list_filter_problem(p_list dbkit.api_lists)
returns text
language plpgsql
stable
as $$
begin
  return (
    select format('the operator %s does not fit the column %s of type %s', o.value, f.key,
      p_list.column_types -> f.key ->> 'type')
    from jsonb_each(p_list.filters) as f
    cross join lateral jsonb_array_elements_text(f.value) as o
    where o.value <> all (dbkit._list_operators(p_list.column_types -> f.key))
    limit 1);
end
$$;
comment on function dbkit._list_filter_problem(dbkit.api_lists) is
  'Which operator of a list''s filters does not fit its column; NULL when all do.';
