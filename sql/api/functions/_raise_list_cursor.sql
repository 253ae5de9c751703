create or replace function dbkit._raise_list_cursor(p_list text, p_cursor text)
returns void
language plpgsql
stable
as $$
declare
  v_problem text := dbkit._cursor_problem(p_cursor);
begin
  perform dbkit.raise_error('KD141', case v_problem when 'malformed'
      then 'the cursor is malformed, was changed, or is too old'
      else 'the cursor was made for another list, caller, version, sort or filter' end,
    jsonb_build_object('list', p_list, 'field', 'cursor', 'reason', v_problem),
    'Pass a cursor as it was, with the same sort, filter and search; or begin again without one.');
end
$$;
comment on function dbkit._raise_list_cursor(text, text) is
  'Raises KD141 for a cursor that _open_cursor refused.';
grant execute on function dbkit._raise_list_cursor(text, text)
to anon, authenticated, service_role, super_admin;
