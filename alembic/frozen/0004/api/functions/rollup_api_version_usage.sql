-- Counts whole days anew from the watermark on, instead of adding what came since: numbers and times of
-- rows do not appear in the order of their commits, so adding would skip some. Two days stay open.
create or replace function dbkit.rollup_api_version_usage()
returns date
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_today date := (dbkit.clock() at time zone 'UTC')::date;
  v_from date;
begin
  perform dbkit.require_service('rolling up usage');
  perform pg_advisory_xact_lock(hashtextextended('dbkit.api_version_usage', 0));
  select rolled_up_from into v_from from dbkit.api_usage_watermark;
  insert into dbkit.api_version_usage as u (
    usage_date, version, calls, errors, fallbacks, clients, total_duration_ms, last_seen_at)
  select (logged_at at time zone 'UTC')::date, coalesce(served_version, 'none'), count(*),
    count(*) filter (where status_code >= 400), count(*) filter (where fallback),
    count(distinct coalesce(client_id, '')), sum(duration_ms), max(logged_at)
  from dbkit.api_request_log
  where v_from is null or logged_at >= v_from::timestamp at time zone 'UTC'
  group by 1, 2
  on conflict (usage_date, version) do update
  set calls = excluded.calls, errors = excluded.errors, fallbacks = excluded.fallbacks,
    clients = excluded.clients, total_duration_ms = excluded.total_duration_ms,
    last_seen_at = excluded.last_seen_at;
  insert into dbkit.api_usage_watermark (rolled_up_from) values (v_today - 1)
  on conflict (id) do update
  set rolled_up_from = greatest(api_usage_watermark.rolled_up_from, excluded.rolled_up_from);
  return v_today - 1;
end
$$;
comment on function dbkit.rollup_api_version_usage() is
  'Brings api_version_usage up to date; returns the first day that stays open. Run it as often as you
like, side by side too. Requests that no version served count under the version "none".
Needs service_role (KD003).';
grant execute on function dbkit.rollup_api_version_usage() to service_role, super_admin;
