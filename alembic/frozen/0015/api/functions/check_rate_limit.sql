-- Clients may execute it, since a request's first function runs with their rights. So only a service says
-- whom it counts for: else one client could use up what another may. A READ ONLY transaction cannot count:
-- there what was counted before decides.
create or replace function dbkit.check_rate_limit(p_consumer text default null, p_call text default '*')
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_consumer text := coalesce(p_consumer, 'user:' || dbkit.context_value('user_id'),
    'client:' || dbkit.context_value('client_id'), 'role:' || dbkit.caller_role());
  v_limit dbkit.api_rate_limits;
  v_window dbkit.api_rate_windows;
  v_resets_at timestamptz;
begin
  if p_consumer is not null then
    perform dbkit.require_service('counting a call of another consumer');
  end if;
  v_limit := dbkit._rate_limit_of(v_consumer, p_call);
  if v_limit.consumer is null then
    return null;
  end if;
  if current_setting('transaction_read_only') = 'on' then
    v_window.taken := 0;
    v_window.window_start := to_timestamp(floor(extract(epoch from dbkit.clock()) / v_limit.window_seconds)
      * v_limit.window_seconds);
    v_window.taken := coalesce((
      select w.taken
      from dbkit.api_rate_windows w
      where w.consumer = v_consumer and w.call = v_limit.call and w.window_seconds = v_limit.window_seconds
        and w.window_start >= v_window.window_start), 0);
    v_window.granted := case when v_window.taken < v_limit.max_calls then 1 else 0 end;
  else
    v_window := dbkit._take_rate_tokens(v_consumer, v_limit.call, v_limit.max_calls, v_limit.window_seconds, 1);
  end if;
  v_resets_at := v_window.window_start + make_interval(secs => v_limit.window_seconds);
  if v_window.granted = 0 then
    perform dbkit.raise_error('KD125', format('%s calls in %s s are made: no more until %s', v_limit.max_calls,
        v_limit.window_seconds, v_resets_at),
      jsonb_build_object('limit', v_limit.max_calls, 'window_seconds', v_limit.window_seconds, 'remaining', 0,
        'resets_at', v_resets_at, 'retry_after', ceil(extract(epoch from v_resets_at - dbkit.clock()))),
      'Wait until then and call again.');
  end if;
  return jsonb_build_object('limit', v_limit.max_calls, 'remaining',
    greatest(0, v_limit.max_calls - v_window.taken), 'resets_at', v_resets_at);
end
$$;
comment on function dbkit.check_rate_limit(text, text) is
  'Counts a call where no gateway does (psql, PostgREST''s pre-request), or raises KD125 when the limit is
reached; NULL: there is no limit. The count is the transaction''s: it goes with a rollback, and the next call of
the consumer waits for its end. In a READ ONLY transaction nothing is counted, only refused. p_consumer: for a
service (KD003); NULL: the user (user:…), else the client (client:…), else the role (role:…) that calls.
Returns {limit int, remaining int, resets_at timestamptz}.
Nullable: p_consumer, result.';
grant execute on function dbkit.check_rate_limit(text, text)
to anon, authenticated, service_role, super_admin;
