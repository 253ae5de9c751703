-- The whole of what a rule remembers and decides, without a clock or a table: evaluation and backtest are
-- this. for_minutes and keep_firing_minutes mean what they mean in Prometheus (tests compare).
create or replace function dbkit._next_alert_state(
  p_rule dbkit.alert_rules,
  p_state dbkit.alert_rule_states,
  p_now timestamptz,
  p_value double precision,
  p_samples bigint
)
returns dbkit.alert_rule_states
language plpgsql
immutable
as $$
declare
  v_next dbkit.alert_rule_states := p_state;
  v_has_data boolean := p_value is not null and coalesce(p_samples >= p_rule.min_samples, true);
begin
  v_next.evaluated_at := p_now;
  v_next.last_value := p_value;
  v_next.last_samples := p_samples;
  v_next.last_error := null;
  v_next.failures := 0;
  if not v_has_data and p_rule.no_data = 'no_data' then
    if p_state.state <> 'firing' then
      v_next.state := 'no_data';
      v_next.pending_since := null;
    end if;
    return v_next;
  end if;
  v_next.condition_holds := case
    when v_has_data then dbkit._alert_condition_holds(p_rule.condition, p_value, p_rule.threshold)
    when p_rule.no_data = 'keep_last' then p_state.condition_holds
    else p_rule.no_data = 'alerting'
  end;
  if v_next.condition_holds then
    v_next.keep_firing_since := null;
    v_next.pending_since := coalesce(p_state.pending_since, p_now);
    if p_state.state <> 'firing' then
      v_next.state := 'pending';
      if p_now >= v_next.pending_since + make_interval(mins => p_rule.for_minutes)
        and p_now >= p_state.cooldown_until
      then
        v_next.state := 'firing';
        v_next.cooldown_until := p_now + make_interval(mins => p_rule.cooldown_minutes);
      end if;
    end if;
    return v_next;
  elsif p_state.state = 'firing' then
    v_next.keep_firing_since := coalesce(p_state.keep_firing_since, p_now);
    if p_now < v_next.keep_firing_since + make_interval(mins => p_rule.keep_firing_minutes) then
      return v_next;
    end if;
  end if;
  v_next.state := 'ok';
  v_next.pending_since := null;
  v_next.keep_firing_since := null;
  return v_next;
end
$$;
comment on function dbkit._next_alert_state(
  dbkit.alert_rules, dbkit.alert_rule_states, timestamptz, double precision, bigint
) is 'Where a rule stands after a value at a time.';
grant execute on function dbkit._next_alert_state(
  dbkit.alert_rules, dbkit.alert_rule_states, timestamptz, double precision, bigint
) to service_role, super_admin;
