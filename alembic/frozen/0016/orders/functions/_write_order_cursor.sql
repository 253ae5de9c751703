create or replace function dbkit._write_order_cursor(p_filter text, p_created_at timestamptz, p_id bigint)
returns text
language plpgsql
stable
as $$
declare
  v_sealed record := dbkit._seal_cursors(p_filter,
    jsonb_build_array(to_jsonb(p_created_at) #>> '{}', p_id::text), null);
begin
  return v_sealed.next_cursor;
end
$$;
comment on function dbkit._write_order_cursor(text, timestamptz, bigint) is
  'The cursor behind an order, signed for the caller and p_filter: see _seal_cursors.';
grant execute on function dbkit._write_order_cursor(text, timestamptz, bigint)
to authenticated, service_role, super_admin;
