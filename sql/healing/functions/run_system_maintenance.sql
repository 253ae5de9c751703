-- All in the caller's transaction, for those who have one call only: what locks others' rows comes last
-- then, so that nothing waits while the rest is done. Steps whose order matters more have a transaction
-- each: a worker, pg_cron or `dbkit maintenance run`.
create or replace function dbkit.run_system_maintenance()
returns jsonb
language plpgsql
volatile
as $$
declare
  v_begin constant timestamptz := clock_timestamp();
  v_started constant timestamptz := dbkit.clock();
  v_step text;
  v_steps jsonb := '[]'::jsonb;
  v_failed_rules jsonb;
begin
  for v_step in
    select s.step
    from dbkit.maintenance_steps s
    where s.enabled
    order by s.holds_locks, s.run_order, s.step
  loop
    v_steps := v_steps || dbkit.run_maintenance_step(v_step);
  end loop;
  v_failed_rules := jsonb_path_query_array(v_steps,
    '$[*] ? (@.step == "auto_heal").result.rules[*] ? (@.outcome == "failed").rule');
  return jsonb_build_object('started_at', v_started,
    'took_ms', round((extract(epoch from clock_timestamp() - v_begin) * 1000)::numeric, 1),
    'ok', not v_steps @> '[{"outcome": "failed"}]' and v_failed_rules = '[]',
    'healed', (
      select coalesce(sum((s #>> '{result,healed}')::bigint), 0)
      from jsonb_array_elements(v_steps) s where s ->> 'step' = 'auto_heal'),
    'refreshed', v_steps @> '[{"step": "refresh_order_health", "result": {"refreshed": true}}]',
    'alerts', (
      select s -> 'result' from jsonb_array_elements(v_steps) s where s ->> 'step' = 'evaluate_alerts'),
    'metrics_deleted', (
      select s -> 'result' from jsonb_array_elements(v_steps) s where s ->> 'step' = 'cleanup_metrics'),
    'failed', (
      select coalesce(jsonb_agg(s -> 'step'), '[]')
      from jsonb_array_elements(v_steps) s where s ->> 'outcome' = 'failed'),
    'failed_rules', v_failed_rules,
    'steps', v_steps);
end
$$;
comment on function dbkit.run_system_maintenance() is
  'Runs every enabled step of the maintenance once, due or not: stuck orders are healed (a batch),
mv_order_health is refreshed, alert rules are evaluated, old metrics deleted, and what is registered
besides. A step that fails is taken back, and stops no other; so is a heal rule. ok: neither a step nor a rule
failed. healed, refreshed, alerts, metrics_deleted: what those steps say; failed, failed_rules: names; steps:
what run_maintenance_step answered, in the order in which they ran.
Returns {started_at timestamptz, took_ms numeric, ok boolean, healed bigint, refreshed boolean, alerts jsonb?, metrics_deleted jsonb?, failed text[], failed_rules text[], steps jsonb}.
Needs service_role. Raises KD003.';
grant execute on function dbkit.run_system_maintenance() to service_role, super_admin;
