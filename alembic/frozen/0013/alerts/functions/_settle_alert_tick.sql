create or replace function dbkit._settle_alert_tick(
  p_now timestamptz,
  p_rule_ids bigint[],
  p_values double precision[],
  p_samples bigint[],
  p_errors text[]
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_moved record;
  v_fired int := 0;
  v_resolved int := 0;
  v_pending bigint;
begin
  perform dbkit.require_service('evaluating alert rules');
  update dbkit.alert_rule_states s
  set evaluated_at = p_now, last_error = g.error, failures = s.failures + 1
  from unnest(p_rule_ids, p_errors) as g (rule_id, error)
  where s.rule_id = g.rule_id and g.error is not null and s.evaluated_at < p_now;
  for v_moved in
    with moved as (
      update dbkit.alert_rule_states s
      set state = n.state, evaluated_at = p_now, pending_since = n.pending_since,
        keep_firing_since = n.keep_firing_since, cooldown_until = n.cooldown_until,
        condition_holds = n.condition_holds, last_value = n.last_value, last_samples = n.last_samples,
        last_error = null, failures = 0
      from unnest(p_rule_ids, p_values, p_samples, p_errors) as g (rule_id, value, samples, error)
      join dbkit.alert_rules r on r.id = g.rule_id
      join dbkit.alert_rule_states o on o.rule_id = g.rule_id
      cross join lateral dbkit._next_alert_state(r, o, p_now, g.value, g.samples) as n
      where s.rule_id = g.rule_id and g.error is null and s.evaluated_at < p_now
      returning s.rule_id, s.pending_since, g.value, o.state = 'firing' as was_firing, s.state = 'firing'
        as fires
    )
    select m.* from moved m where m.was_firing <> m.fires order by m.rule_id
  loop
    if v_moved.fires then
      v_fired := v_fired
        + dbkit._open_alert(v_moved.rule_id, p_now, v_moved.pending_since, v_moved.value)::int;
    else
      v_resolved := v_resolved + dbkit._close_alert(v_moved.rule_id, p_now, v_moved.value, null, null)::int;
    end if;
  end loop;
  perform dbkit._renew_notices(p_now, p_rule_ids);
  select count(*) into v_pending from dbkit.alert_rule_states s where s.state = 'pending';
  return jsonb_build_object('evaluated', cardinality(p_rule_ids), 'fired', v_fired, 'resolved', v_resolved,
    'pending', v_pending, 'failed', cardinality(array_remove(p_errors, null)));
end
$$;
comment on function dbkit._settle_alert_tick(timestamptz, bigint[], double precision[], bigint[], text[]) is
  'What comes of the values that rules have at a time: their states, alerts and notices. error: a rule could
not be measured, and stays where it is. Raises KD003.';
grant execute on function dbkit._settle_alert_tick(
  timestamptz, bigint[], double precision[], bigint[], text[]
) to service_role, super_admin;
