create or replace function dbkit._write_order_cursor(p_filter text, p_created_at timestamptz, p_id bigint)
returns text
language plpgsql
stable
as $$
declare
  v_edge text[] := array[to_jsonb(p_created_at) #>> '{}', p_id::text];
begin
  return (dbkit._seal_cursors(dbkit._cursor_key(p_filter, ''), v_edge || v_edge))[1];
end
$$;
comment on function dbkit._write_order_cursor(text, timestamptz, bigint) is
  'The cursor behind an order, signed for the caller and p_filter: see _seal_cursors.';
grant execute on function dbkit._write_order_cursor(text, timestamptz, bigint)
to authenticated, service_role, super_admin;
