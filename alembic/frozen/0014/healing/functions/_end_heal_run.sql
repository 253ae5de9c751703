create or replace function dbkit._end_heal_run(
  p_rule text,
  p_started_at timestamptz,
  p_outcome text,
  p_judged jsonb,
  p_rows jsonb,
  p_error text
)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_now constant timestamptz := dbkit.clock();
  v_run bigint;
begin
  perform dbkit.require_service('healing');
  insert into dbkit.heal_runs (rule, started_at, took_ms, outcome, found, population, healed, error)
  values (p_rule, p_started_at, greatest(extract(epoch from v_now - p_started_at) * 1000, 0), p_outcome,
    (p_judged ->> 'found')::int, (p_judged ->> 'population')::bigint, jsonb_array_length(p_rows),
    left(p_error, 1000))
  returning id into v_run;
  insert into dbkit.heal_ledger (run_id, rule, organization_id, subject, before, after, healed_at)
  select v_run, p_rule, r.organization_id, r.subject, r.before, r.after, v_now
  from jsonb_to_recordset(p_rows) as r (subject text, organization_id text, before jsonb, after jsonb);
  if p_rows <> '[]' then
    perform dbkit._log_healing(p_rule, p_rows);
  end if;
  if p_outcome = 'tripped' then
    update dbkit.heal_rules r
    set tripped_at = v_now, trip_detail = p_judged - 'trips'
      || jsonb_build_object('trip_share', r.trip_share, 'trip_min', r.trip_min)
    where r.rule = p_rule and r.tripped_at is null;
    if found then
      perform dbkit._log_healing('tripped',
        jsonb_build_array(p_judged - 'trips' || jsonb_build_object('rule', p_rule)));
    end if;
  elsif p_rows <> '[]' then
    update dbkit.heal_rules r
    set allowance = greatest(r.allowance - jsonb_array_length(p_rows), 0)
    where r.rule = p_rule and r.allowance > 0;
  end if;
  return v_run;
end
$$;
comment on function dbkit._end_heal_run(text, timestamptz, text, jsonb, jsonb, text) is
  'Keeps a run and what it changed: heal_runs, heal_ledger, and a row of runtime_metrics (auto_heal) for each.
Returns the id of the run. The caller has locked the rule. Raises KD003.';
grant execute on function dbkit._end_heal_run(text, timestamptz, text, jsonb, jsonb, text)
to service_role, super_admin;
