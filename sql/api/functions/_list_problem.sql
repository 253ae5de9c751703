create or replace function dbkit._list_problem(p_list dbkit.api_lists)
returns text
language plpgsql
stable
as $$
declare
  v_sorted text[] := p_list.sorts || p_list.key_columns
    || string_to_array(replace(p_list.default_sort, '-', ''), ',');
  v_used text[] := p_list.shown || v_sorted || p_list.search || array(select jsonb_object_keys(p_list.filters));
begin
  return case
    when cardinality(p_list.shown) between 1 and 100 is not true then 'it shows 1 to 100 columns'
    when cardinality(p_list.key_columns) between 1 and 4 is not true then 'the key has 1 to 4 columns'
    when cardinality(p_list.sorts) between 1 and 24 is not true then 'it is sorted by at most 20 columns'
    when p_list.default_sort ~ '^-?[a-zA-Z_][a-zA-Z0-9_]*(,-?[a-zA-Z_][a-zA-Z0-9_]*){0,3}$' is not true
      then 'the default sort must read column,-column and so on, with at most 4 of them'
    when p_list.max_limit between 1 and 1000 is not true then 'the largest limit is between 1 and 1000'
    when p_list.default_limit between 1 and p_list.max_limit is not true
      then 'the default limit is between 1 and the largest'
    when p_list.required_role is not null
      and not exists (select from pg_catalog.pg_roles where rolname = p_list.required_role)
      then format('the role %s does not exist', p_list.required_role)
    else coalesce(
      (select format('there is no column %s (letters, digits and _ only)', coalesce(quote_ident(c), 'NULL'))
        from unnest(v_used) as c where c is null or not p_list.column_types ? c limit 1),
      (select format('the column %s is named twice', c) from unnest(p_list.shown) as c
        group by c having count(*) > 1 limit 1),
      (select format('the column %s is sorted by, so it must be shown: a cursor carries its value', c)
        from unnest(v_sorted) as c where c <> all (p_list.shown) limit 1),
      (select format('the column %s cannot be sorted by: its type is %s', c, p_list.column_types -> c ->> 'type')
        from unnest(v_sorted) as c where p_list.column_types -> c ->> 'class' is null limit 1),
      (select format('the key column %s can be NULL', c) from unnest(p_list.key_columns) as c
        where not (p_list.column_types -> c -> 'not_null')::boolean limit 1),
      (select format('the column %s cannot be searched: it is no text, or of a collation that LIKE does not take', c)
        from unnest(p_list.search) as c
        where (p_list.column_types -> c -> 'like')::boolean is not true limit 1),
      dbkit._list_filter_problem(p_list))
  end;
end
$$;
comment on function dbkit._list_problem(dbkit.api_lists) is
  'Why a list cannot be registered as it is; NULL when it can. Its source and types are known by now.';
