create or replace function dbkit._list_place(
  p_list text,
  p_request jsonb,
  p_limit bigint,
  out shape text,
  out skipped bigint
)
language plpgsql
stable
as $$
declare
  v_last text := 'false';
begin
  if p_request ->> 'last' is not null then
    v_last := dbkit._list_value('{"class": "boolean"}', p_request -> 'last');
  end if;
  if (p_request ->> 'cursor' is not null)::int + (p_request ->> 'offset' is not null)::int
    + (p_request ->> 'page' is not null)::int + (v_last is distinct from 'false')::int > 1
  then
    perform dbkit._raise_list_request(p_list, 'cursor', 'only one of cursor, offset, page and last says where a page begins');
  elsif v_last is null then
    perform dbkit._raise_list_request(p_list, 'last', 'last must be true or false');
  end if;
  shape := case v_last when 'true' then 'end' else 'start' end;
  skipped := dbkit._list_number(p_list, p_request, 'offset', 0, 0, 1000000)
    + p_limit * (dbkit._list_number(p_list, p_request, 'page', 1, 1, 1000000 / p_limit + 1) - 1);
end
$$;
comment on function dbkit._list_place(text, jsonb, bigint) is
  'Where a page without a cursor begins: at the start or end of the list, skipping rows. Raises KD140.';
grant execute on function dbkit._list_place(text, jsonb, bigint)
to anon, authenticated, service_role, super_admin;
