create or replace function dbkit._write_order_cursor(p_filter text, p_created_at timestamptz, p_id bigint)
returns text
language plpgsql
immutable
as $$
begin
  return translate(
    encode(
      convert_to(
        json_build_object('f', p_filter, 't', (extract(epoch from p_created_at) * 1000000)::bigint,
          'i', p_id)::text,
        'UTF8'),
      'base64'),
    E'+/=\n', '-_');
end
$$;
comment on function dbkit._write_order_cursor(text, timestamptz, bigint) is
  'The cursor behind an order: base64url of {"f": what list, "t": created_at in microseconds since 1970,
"i": id}.';
grant execute on function dbkit._write_order_cursor(text, timestamptz, bigint)
to authenticated, service_role, super_admin;
