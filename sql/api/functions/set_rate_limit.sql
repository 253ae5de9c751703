create or replace function dbkit.set_rate_limit(
  p_consumer text,
  p_call text,
  p_max_calls int,
  p_window_seconds int
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_service('setting a rate limit');
  perform dbkit._check_rate_limit(p_consumer, p_call, p_max_calls, p_window_seconds);
  insert into dbkit.api_rate_limits (consumer, call, max_calls, window_seconds, updated_by, updated_at)
  values (p_consumer, p_call, p_max_calls, p_window_seconds, dbkit.caller_role(), dbkit.clock())
  on conflict (consumer, call) do update
  set max_calls = excluded.max_calls, window_seconds = excluded.window_seconds,
    updated_by = excluded.updated_by, updated_at = excluded.updated_at;
  perform pg_notify('dbkit_rate_limits', '');
end
$$;
comment on function dbkit.set_rate_limit(text, text, int, int) is
  'Lets a consumer make p_max_calls calls in each window of p_window_seconds (aligned to the epoch); 0 none.
p_consumer: as gateways name it (key:…, user:…, client:…, ip:…), or * for everybody who has no row of their
own, each with a count of their own. p_call: a call, or * for all calls without a row, counted together. One
row counts for a call: the consumer''s before *, then the call''s before *. Notifies dbkit_rate_limits.
Needs service_role. Raises KD003, KD126.';
grant execute on function dbkit.set_rate_limit(text, text, int, int) to service_role, super_admin;
