create or replace function dbkit._list_sort(p_list dbkit.api_lists, p_sort jsonb)
returns text
language plpgsql
stable
as $$
declare
  v_text text;
  v_terms text[];
begin
  if p_sort is null or p_sort = 'null' then
    return p_list.default_sort;
  end if;
  v_text := case jsonb_typeof(p_sort)
    when 'string' then p_sort #>> '{}'
    when 'array' then (select string_agg(case when jsonb_typeof(e) = 'string' then e #>> '{}' else '' end, ',' order by n)
      from jsonb_array_elements(p_sort) with ordinality as a (e, n)) end;
  v_terms := string_to_array(replace(v_text, ' ', ''), ',');
  if length(v_text) between 1 and 300 is not true or cardinality(v_terms) > 4
    or exists (select from unnest(v_terms) as t
      where regexp_replace(t, '^-', '') <> all (p_list.sorts))
    or (select count(distinct ltrim(t, '-')) from unnest(v_terms) as t) <> cardinality(v_terms)
  then
    perform dbkit._raise_list_request(p_list.name, 'sort', format('%s cannot be sorted that way', p_list.name),
      format('Name up to 4 of these, each once, with - before it for the other way: %s.',
        array_to_string(p_list.sorts, ', ')));
  end if;
  return array_to_string(v_terms, ',');
end
$$;
comment on function dbkit._list_sort(dbkit.api_lists, jsonb) is
  'A request''s sort in the one form in which it is compared and signed: column,-column. Raises KD140.';
grant execute on function dbkit._list_sort(dbkit.api_lists, jsonb)
to anon, authenticated, service_role, super_admin;
