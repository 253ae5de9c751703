-- Signed as the cursors of page_list are, and bound to the caller in there. The API version is no part of
-- it on purpose: the order is the same in every version, so a client goes on when the active one is switched.
create or replace function dbkit._read_order_cursor(
  p_cursor text,
  p_filter text,
  out created_at timestamptz,
  out id bigint
)
language plpgsql
stable
as $$
declare
  v_edge text[];
begin
  if p_cursor is null then
    return;
  end if;
  v_edge := dbkit._open_cursor(dbkit._cursor_key(p_filter, ''), p_cursor, p_filter, '');
  if v_edge is not null then
    created_at := v_edge[1]::timestamptz;
    id := v_edge[2]::bigint;
  elsif dbkit._cursor_problem(p_cursor) = 'malformed' then
    perform dbkit.raise_error('KD413', 'the cursor is malformed', '{"field": "cursor"}',
      'Pass next_cursor of the page before as it was, or none for the first page.');
  else
    perform dbkit.raise_error('KD413', 'the cursor was made for another list', '{"field": "cursor"}',
      'Keep caller, store_id and status the same from page to page, or start without a cursor.');
  end if;
end
$$;
comment on function dbkit._read_order_cursor(text, text) is
  'Where a cursor of _write_order_cursor points; NULLs for none. Raises KD413 when it was not signed here,
or belongs to another caller, or its filter is not p_filter.';
grant execute on function dbkit._read_order_cursor(text, text)
to authenticated, service_role, super_admin;
