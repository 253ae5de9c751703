-- Once a minute and key at most, and past rows that somebody holds: several gateways tell the same keys.
create or replace function dbkit.touch_api_keys(p_key_ids text[])
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_now timestamptz := dbkit.clock();
  v_count int;
begin
  perform dbkit.require_service('noting the use of API keys');
  if cardinality(p_key_ids) > 10000 then
    perform dbkit.raise_error('KD004', 'p_key_ids must have at most 10000 items', '{"argument": "p_key_ids"}');
  end if;
  update dbkit.api_keys k
  set last_used_at = v_now
  where k.key_id in (
    select o.key_id
    from dbkit.api_keys o
    where o.key_id = any (p_key_ids)
      and (o.last_used_at is null or o.last_used_at < v_now - interval '1 minute')
    order by o.key_id
    for update skip locked);
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function dbkit.touch_api_keys(text[]) is
  'Notes that keys were used, to the minute; returns of how many it was written. Unknown ones are passed over.
Needs service_role (KD003). Raises KD004.';
grant execute on function dbkit.touch_api_keys(text[]) to service_role, super_admin;
