create or replace function dbkit.settle_delivery(
  p_delivery_id bigint,
  p_token int,
  p_status_code int default null,
  p_error text default null,
  p_retry_after text default null,
  p_duration_ms int default null,
  p_response text default null
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_service('settling a delivery');
  if not exists (select from dbkit.event_delivery_log d where d.delivery_id = p_delivery_id) then
    perform dbkit.raise_error('KD523', format('there is no delivery %s', p_delivery_id),
      jsonb_build_object('delivery_id', p_delivery_id));
  elsif dbkit.settle_deliveries(jsonb_build_array(jsonb_build_object('delivery_id', p_delivery_id,
    'token', p_token, 'status_code', p_status_code, 'error', p_error, 'retry_after', p_retry_after,
    'duration_ms', p_duration_ms, 'response', p_response))) -> 'settled' = '0'
  then
    perform dbkit.raise_error('KD522',
      format('delivery %s is not leased with token %s', p_delivery_id, p_token),
      jsonb_build_object('delivery_id', p_delivery_id, 'token', p_token),
      'Its lease had ended, or it was settled: somebody else may have sent it. Claim again.');
  end if;
  return (
    select jsonb_build_object('delivery_id', d.delivery_id, 'status', d.status, 'attempts', d.attempts,
      'next_attempt_at', case d.status when 'retry_wait' then d.next_attempt_at end)
    from dbkit.event_delivery_log d
    where d.delivery_id = p_delivery_id);
end
$$;
comment on function dbkit.settle_delivery(bigint, int, int, text, text, int, text) is
  'settle_deliveries for one, which raises when it comes too late. Neither status nor error: it failed.
Returns {delivery_id bigint, status text, attempts int, next_attempt_at timestamptz?}.
Needs service_role. Raises KD003, KD522 (the lease had ended), KD523.';
grant execute on function dbkit.settle_delivery(bigint, int, int, text, text, int, text)
to service_role, super_admin;
