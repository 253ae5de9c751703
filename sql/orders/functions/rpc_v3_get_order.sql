create or replace function dbkit.rpc_v3_get_order(p_payload jsonb)
returns jsonb
language plpgsql
stable
as $$
begin
  return dbkit._readable_order(p_payload);
end
$$;
comment on function dbkit.rpc_v3_get_order(jsonb) is
  'get_order v3: {order_id, guest_token?} gives all of the order: lines, totals, region, history. Raises
KD401.';
grant execute on function dbkit.rpc_v3_get_order(jsonb)
to anon, authenticated, service_role, super_admin;
