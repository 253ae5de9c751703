create or replace function dbkit._seal_cursors(
  p_binding text,
  p_next jsonb,
  p_previous jsonb,
  out next_cursor text,
  out previous_cursor text
)
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_scope text := dbkit._cursor_scope(p_binding);
  v_key record;
begin
  select k.inner_block, k.outer_block into v_key
  from dbkit.api_cursor_keys k
  order by k.key_id desc
  limit 1;
  next_cursor := dbkit._sign_cursor(v_key.inner_block, v_key.outer_block, v_scope, 'next', p_next);
  previous_cursor := dbkit._sign_cursor(v_key.inner_block, v_key.outer_block, v_scope, 'previous', p_previous);
end
$$;
comment on function dbkit._seal_cursors(text, jsonb, jsonb) is
  'Cursors of the calling role, organization and user, for a binding (what list, order and filter): see
_sign_cursor.
An edge is an array of the values of a row as text, [] for the very start or end of the list; NULL gives
NULL.';
grant execute on function dbkit._seal_cursors(text, jsonb, jsonb)
to anon, authenticated, service_role, super_admin;
