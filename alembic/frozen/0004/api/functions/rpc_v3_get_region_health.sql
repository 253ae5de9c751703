create or replace function dbkit.rpc_v3_get_region_health(p_payload jsonb)
returns jsonb
language plpgsql
stable
as $$
begin
  return jsonb_build_object('regions', (
    select coalesce(jsonb_agg(to_jsonb(h) order by h.region_id), '[]') from dbkit.get_region_health() as h
  ));
end
$$;
comment on function dbkit.rpc_v3_get_region_health(jsonb) is
  'Handler: the health of every region, as get_region_health says it. The payload is empty.';
grant execute on function dbkit.rpc_v3_get_region_health(jsonb)
to anon, authenticated, service_role, super_admin;
