-- Not SECURITY DEFINER, because registered functions are called. Steps are measured one after the other, as
-- an evaluator would have; what is wrong with one step ends the backtest.
create or replace function dbkit.backtest_rule(
  p_rule text,
  p_from timestamptz,
  p_to timestamptz default null,
  p_step interval default '1 minute',
  p_changes jsonb default '{}'
)
returns table (at timestamptz, value double precision, samples bigint, state text, fires boolean)
language plpgsql
stable
as $$
#variable_conflict use_column
declare
  v_to timestamptz := dbkit._check_alert_time(p_to);
  v_rule dbkit.alert_rules := dbkit._rule_to_test(p_rule, p_changes);
  v_state dbkit.alert_rule_states;
  v_before text := 'ok';
  v_found record;
begin
  if (isfinite(p_from) and p_step between interval '1 second' and interval '31 days' and p_from <= v_to
    and extract(epoch from v_to - p_from) / extract(epoch from p_step) <= 20000) is not true
  then
    perform dbkit.raise_error('KD732', 'a backtest goes from a time to a later one, in at most 20000 steps '
      'of at '
      'least a second', jsonb_build_object('from', p_from, 'to', v_to, 'step', p_step));
  end if;
  v_state.state := 'ok';
  v_state.cooldown_until := '-infinity';
  v_state.condition_holds := false;
  -- A step of a day has 24 hours, also where a session's time zone changes its clocks.
  for at in select generate_series(p_from, v_to, make_interval(secs => extract(epoch from p_step))) loop
    v_found := dbkit._measure_alert_rule(v_rule, at);
    if v_found.error is not null then
      perform dbkit.raise_error('KD732', format('the metric cannot be measured at %s: %s', at, v_found.error),
        jsonb_build_object('at', at, 'error', v_found.error));
    end if;
    v_state := dbkit._next_alert_state(v_rule, v_state, at, v_found.value, v_found.samples);
    value := v_found.value;
    samples := v_found.samples;
    state := v_state.state;
    fires := state = 'firing' and v_before <> 'firing';
    v_before := state;
    return next;
  end loop;
end
$$;
comment on function dbkit.backtest_rule(text, timestamptz, timestamptz, interval, jsonb) is
  'What a rule of the caller''s organization would have done, evaluated every p_step (20000 times at most)
from p_from to p_to, NULL now, over the metrics that are stored: its value (NULL no data) and its state,
beginning with ok. fires: an incident would have begun. p_changes: settings to try out, by the names of the
rule''s columns, such as {"threshold": 3, "for_minutes": 5}. Nothing is stored, nobody is told.
Nullable: p_to, value, samples.
Needs service_role. Raises KD720, KD721, KD723, KD732.';
grant execute on function dbkit.backtest_rule(text, timestamptz, timestamptz, interval, jsonb)
to service_role, super_admin;
