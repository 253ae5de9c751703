create or replace function dbkit._list_place(
  p_list text,
  p_request jsonb,
  p_binding text,
  p_limit bigint,
  out shape text,
  out edge text[],
  out skipped bigint
)
language plpgsql
stable
as $$
declare
  v_last text := 'false';
  v_cursor jsonb;
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
  if p_request ->> 'cursor' is not null then
    v_cursor := dbkit._open_cursor(p_binding, case when jsonb_typeof(p_request -> 'cursor') = 'string'
      then p_request ->> 'cursor' else '' end);
    if v_cursor is null or v_cursor = '{}' then
      perform dbkit.raise_error('KD141', case when v_cursor is null
          then 'the cursor is malformed, was changed, or is too old'
          else 'the cursor was made for another list, caller, version, sort or filter' end,
        jsonb_build_object('list', p_list, 'field', 'cursor',
          'reason', case when v_cursor is null then 'malformed' else 'other_list' end),
        'Pass a cursor as it was, with the same sort, filter and search; or begin again without one.');
    end if;
    edge := array(select jsonb_array_elements_text(v_cursor -> 'v'));
    shape := case v_cursor ->> 'd' when 'next' then case when edge = '{}' then 'start' else 'after' end
      when 'previous' then case when edge = '{}' then 'end' else 'before' end end;
    skipped := 0;
    return;
  end if;
  edge := '{}';
  shape := case v_last when 'true' then 'end' else 'start' end;
  skipped := 0;
  if not p_request ?| '{offset,page}' then
    return;
  end if;
  skipped := dbkit._list_number(p_list, p_request, 'offset', 0, 0, 1000000)
    + p_limit * (dbkit._list_number(p_list, p_request, 'page', 1, 1, 1000000 / p_limit + 1) - 1);
end
$$;
comment on function dbkit._list_place(text, jsonb, text, bigint) is
  'Where a page begins: at the start or end of the list, skipping rows, or after or before an edge.
Raises KD140, KD141.';
grant execute on function dbkit._list_place(text, jsonb, text, bigint)
to anon, authenticated, service_role, super_admin;
