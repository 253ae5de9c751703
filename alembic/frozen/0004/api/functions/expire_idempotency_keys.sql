create or replace function dbkit.expire_idempotency_keys(p_older_than interval default '24 hours')
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_gone bigint;
begin
  perform dbkit.require_service('expiring idempotency keys');
  delete from dbkit.api_idempotency_keys where created_at < dbkit.clock() - p_older_than;
  get diagnostics v_gone = row_count;
  return v_gone;
end
$$;
comment on function dbkit.expire_idempotency_keys(interval) is
  'Deletes idempotency keys older than an interval; returns how many. Needs service_role (KD003).';
grant execute on function dbkit.expire_idempotency_keys(interval) to service_role, super_admin;
