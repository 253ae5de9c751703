-- One pass over the JSON fills arrays, what follows works on these. Nobody waits for another caller: quotas
-- and counts are taken with SKIP LOCKED, the cap on series with a lock that is only tried.
create or replace function dbkit.ingest_metrics(p_events jsonb)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
set timezone = 'UTC'
set plan_cache_mode = force_generic_plan
as $$
declare
  v_service boolean := pg_has_role(dbkit.caller_role(), 'service_role', 'usage');
  v_set dbkit.metric_settings := (select s from dbkit.metric_settings s);
  v_batch record;
  v_limited record;
  v_reasons jsonb := '{}'::jsonb;
  v_given int;
  v_accepted int := 0;
  v_capped int := 0;
begin
  if jsonb_typeof(p_events) is distinct from 'array' then
    perform dbkit.raise_error('KD701', 'p_events must be a JSON array of events', '{"problem": "not an array"}',
      'Pass for example [{"event_type": "page_view", "event_data": {"page": "/menu"}}].');
  end if;
  v_given := jsonb_array_length(p_events);
  if v_given > v_set.max_batch or pg_column_size(p_events) > v_set.max_call_bytes then
    v_reasons := jsonb_build_object('call_too_large', v_given);
  elsif v_given > 0 then
    begin
      select * into v_batch from dbkit._read_metrics(p_events, v_service, false);
    exception when data_exception then
      select * into v_batch from dbkit._read_metrics(p_events, v_service, true);
    end;
    if not v_service then
      select * into v_limited
      from dbkit._limit_metrics(v_batch.types, v_batch.data, v_batch.keys, v_batch.sizes, v_batch.reasons);
      v_batch.data := v_limited.data;
      v_batch.reasons := v_limited.reasons;
      v_capped := v_limited.capped;
    end if;
    v_accepted := dbkit._write_metrics(v_batch.types, v_batch.data, v_batch.sessions, v_batch.times,
      v_batch.reasons);
    select coalesce(jsonb_object_agg(r, n), '{}') into v_reasons
    from (
      select r, count(*) as n from unnest(v_batch.reasons) as r where r is not null group by r
      union all
      select 'series_cap', v_capped where v_capped > 0) as c;
  end if;
  if v_reasons <> '{}' then
    perform dbkit._count_metric_drops(v_reasons);
  end if;
  return jsonb_build_object('accepted', v_accepted, 'dropped', v_given - v_accepted, 'reasons', v_reasons);
end
$$;
comment on function dbkit.ingest_metrics(jsonb) is
  'Takes a batch of events [{event_type, event_data, session_id, created_at}], of which all but the first
may be left out. What breaks a rule or is beyond a quota (dbkit.metric_settings) is dropped and counted by
reason, also in metric_drops; series beyond the cap are stored as __other__ and counted as series_cap,
although accepted. A created_at in the future counts as now; without a zone it is UTC.
Returns {accepted int, dropped int, reasons jsonb}.
Reasons: malformed, unknown_type, forbidden_type, too_large, too_deep, too_many_keys, bad_value, bad_time,
too_old, sender_quota, quota, day_quota, call_too_large, series_cap. Raises KD701 for what is not an array.';
grant execute on function dbkit.ingest_metrics(jsonb) to anon, authenticated, service_role, super_admin;
