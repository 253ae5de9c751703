-- Each word in one of the columns, wherever. % and _ mean themselves here.
create or replace function dbkit._list_search(
  p_list dbkit.api_lists,
  p_search jsonb,
  p_before int,
  out condition text,
  out vals text[]
)
language plpgsql
stable
as $$
declare
  v_text text := btrim(regexp_replace(p_search #>> '{}', '\s+', ' ', 'g'));
  v_words text[] := string_to_array(v_text, ' ');
begin
  if cardinality(p_list.search) = 0 then
    perform dbkit._raise_list_request(p_list.name, 'search', format('%s cannot be searched', p_list.name));
  elsif jsonb_typeof(p_search) <> 'string' or length(v_text) not between 1 and 100
    or cardinality(v_words) > 5
  then
    perform dbkit._raise_list_request(p_list.name, 'search',
      'search must be a string of at most 100 characters and 1 to 5 words');
  end if;
  vals := array(
    select '%' || replace(replace(replace(w, '\', '\\'), '%', '\%'), '_', '\_') || '%'
    from unnest(v_words) with ordinality as u (w, n)
    order by n);
  condition := (
    select string_agg((
        select '(' || string_agg(format('t.%I ilike ($4)[%s]', c, p_before + n), ' or ' order by c) || ')'
        from unnest(p_list.search) as c),
      ' and ' order by n)
    from generate_series(1, cardinality(v_words)) as n);
end
$$;
comment on function dbkit._list_search(dbkit.api_lists, jsonb, int) is
  'SQL of a search over ($4)[p_before + 1] and so on, and its patterns. Raises KD140.';
grant execute on function dbkit._list_search(dbkit.api_lists, jsonb, int)
to anon, authenticated, service_role, super_admin;
