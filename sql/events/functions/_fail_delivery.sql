-- The caller holds the queue's lock.
create or replace function dbkit._fail_delivery(
  p_delivery_id bigint,
  p_token int,
  p_status_code int,
  p_error text,
  p_retry_after text,
  p_duration_ms int,
  p_response text
)
returns boolean
language plpgsql
volatile
as $$
declare
  v_now timestamptz := dbkit.clock();
  v_error text := left(coalesce(nullif(p_error, ''), 'status: ' || p_status_code, 'unknown'), 500);
  v_retry_after_s int := dbkit._parse_retry_after(p_retry_after, v_now);
  v_schedule int[];
  v_delivery dbkit.event_delivery_log;
  v_delay_s double precision;
begin
  select d.*
  into v_delivery
  from dbkit.event_delivery_log d
  where d.delivery_id = p_delivery_id
  order by d.delivery_id, d.organization_id
  limit 1;
  if v_delivery.status is distinct from 'leased' or v_delivery.token is distinct from p_token then
    return false;
  end if;
  select s.retry_schedule
  into v_schedule
  from dbkit.event_subscriptions s
  where s.organization_id = v_delivery.organization_id and s.subscription_id = v_delivery.subscription_id;
  if p_status_code is distinct from 410 and v_error !~ '^blocked' then
    v_delay_s := dbkit._retry_delay(v_schedule, v_delivery.attempts + 1, v_retry_after_s, random());
  end if;
  update dbkit.event_delivery_log d
  set status = case when v_delay_s is null then 'dead' else 'retry_wait' end,
    attempts = d.attempts + 1,
    next_attempt_at = v_now + make_interval(secs => coalesce(v_delay_s, 0)),
    finished_at = case when v_delay_s is null then v_now end,
    last_status_code = p_status_code, last_error = v_error, last_duration_ms = p_duration_ms,
    failures = dbkit._with_failure(d.failures, jsonb_strip_nulls(jsonb_build_object(
      'attempt', d.attempts + 1, 'at', v_now, 'status_code', p_status_code, 'error', v_error,
      'duration_ms', p_duration_ms, 'response', left(p_response, 1000))))
  where d.delivery_id = v_delivery.delivery_id and d.organization_id = v_delivery.organization_id
  returning * into v_delivery;
  perform dbkit._slow_endpoint(v_delivery, p_status_code, v_retry_after_s);
  if v_delivery.status = 'dead' then
    perform dbkit._add_delivery_letter(v_delivery);
    if v_delivery.stream_key is not null then
      perform dbkit._unblock_streams(array[v_delivery.organization_id], array[v_delivery.subscription_id],
        array[v_delivery.stream_key]);
    end if;
  end if;
  return true;
end
$$;
comment on function dbkit._fail_delivery(bigint, int, int, text, text, int, text) is
  'Settles a delivery that failed: retry_wait, or dead after the last attempt, a 410 or an address that
may not be called. False when it is not leased with this token.';
