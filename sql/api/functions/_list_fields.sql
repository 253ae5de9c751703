create or replace function dbkit._list_fields(p_list dbkit.api_lists, p_fields jsonb, p_rows json[])
returns json
language plpgsql
stable
as $$
declare
  v_fields text[];
begin
  if p_fields is null or p_fields = 'null' then
    return array_to_json(p_rows);
  end if;
  v_fields := case jsonb_typeof(p_fields)
    when 'string' then string_to_array(replace(p_fields #>> '{}', ' ', ''), ',')
    when 'array' then array(select e #>> '{}' from jsonb_array_elements(p_fields) as e) end;
  if cardinality(v_fields) between 1 and 100 is not true or not v_fields <@ p_list.shown then
    perform dbkit._raise_list_request(p_list.name, 'fields', 'fields must name columns that the list shows',
      format('Those are: %s.', array_to_string(p_list.shown, ', ')));
  end if;
  return (
    select coalesce(json_agg((
        select json_object_agg(f, r.item -> f order by array_position(p_list.shown, f))
        from (select distinct unnest(v_fields) as f) as d) order by r.n),
      '[]')
    from unnest(p_rows) with ordinality as r (item, n)
  );
end
$$;
comment on function dbkit._list_fields(dbkit.api_lists, jsonb, json[]) is
  'The items of a page: its rows, or what a request''s fields name of them. Raises KD140.';
grant execute on function dbkit._list_fields(dbkit.api_lists, jsonb, json[])
to anon, authenticated, service_role, super_admin;
