create or replace function dbkit._usual_slow_ms()
returns numeric
language plpgsql
stable
as $$
begin
  return (
    select greatest(round(percentile_cont(0.95) within group (order by duration_ms)::numeric, 3), 0.001)
    from dbkit.api_request_log
    where logged_at > dbkit.clock() - interval '15 minutes'
      and requested_version is null
      and status_code < 500
    having count(*) >= 100
  );
end
$$;
comment on function dbkit._usual_slow_ms() is
  'The 95th percentile of the last 15 minutes of calls that named no version, in milliseconds; NULL when
fewer than 100 are logged.';
