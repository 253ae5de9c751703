-- For sessions that switched dbkit.log_calls on (psql, drivers without a gateway). A row a call turns a
-- read into a write transaction; that is why it is off where a client or gateway logs in batches.
create or replace function dbkit._dispatch_logged(
  p_rpc_id int,
  p_access text,
  p_payload jsonb,
  p_meta jsonb
)
returns jsonb
language plpgsql
volatile
as $$
declare
  v_started timestamptz := clock_timestamp();
  v_answer jsonb := dbkit._dispatch_routed(p_rpc_id, p_access, p_payload, p_meta);
begin
  if not current_setting('transaction_read_only')::boolean then
    perform dbkit._log_own_call(p_meta, 1000 * extract(epoch from clock_timestamp() - v_started));
  end if;
  return v_answer;
end
$$;
comment on function dbkit._dispatch_logged(int, text, jsonb, jsonb) is
  'What route_api_call does when dbkit.log_calls is on: runs the call and logs it in its transaction.';
grant execute on function dbkit._dispatch_logged(int, text, jsonb, jsonb)
to anon, authenticated, service_role, super_admin;
