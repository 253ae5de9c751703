create or replace function dbkit.get_sunset_readiness(p_version text)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_since timestamptz := dbkit.clock() - interval '7 days';
  v_calls bigint;
  v_last timestamptz;
  v_consumers text[];
  v_pinned text[];
  v_reasons text[];
begin
  perform dbkit.require_service('reading sunset readiness');
  perform dbkit._require_version(p_version);
  select count(*), max(logged_at),
    coalesce(array_agg(distinct coalesce(client_id, organization_id, app_name, 'unknown')), '{}')
  into v_calls, v_last, v_consumers
  from dbkit.api_request_log
  where logged_at >= v_since and served_version = p_version;
  v_pinned := array(
    select consumer from dbkit.api_consumers where pinned_version = p_version order by consumer);
  v_reasons := array_remove(array[
    case when v_calls > 0 then format('%s calls in the last 7 days', v_calls) end,
    case when v_pinned <> '{}' then format('%s consumers are pinned to it', cardinality(v_pinned)) end,
    case when exists (
      select from dbkit.active_api_version where p_version in (current_version, fallback_version)
    ) then 'it is the current version or the fallback' end,
    case when dbkit._inherited_calls(p_version) <> '{}' then format(
      'newer versions serve %s from it', array_to_string(dbkit._inherited_calls(p_version), ', ')) end
  ], null);
  return jsonb_build_object('version', p_version, 'ready', v_reasons = '{}',
    'consumers', to_jsonb(v_consumers[1:100]), 'consumer_count', cardinality(v_consumers),
    'calls_per_day', round(v_calls / 7.0, 1), 'last_seen_at', coalesce(v_last, (
      select max(last_seen_at) from dbkit.api_version_usage where version = p_version)),
    'pinned', to_jsonb(v_pinned), 'reasons', to_jsonb(v_reasons));
end
$$;
comment on function dbkit.get_sunset_readiness(text) is
  'Whether a version can be sunset: who still used it in the last 7 days, as far as requests are logged.
Needs service_role (KD003); KD102 for an unknown version.
Returns {version text, ready boolean, consumers text[], consumer_count bigint, calls_per_day numeric, last_seen_at timestamptz?, pinned text[], reasons text[]}';
grant execute on function dbkit.get_sunset_readiness(text) to service_role, super_admin;
