-- Not SECURITY DEFINER: a rule's functions have the rights of whoever heals, not of the owner. They run in a
-- subtransaction: what fails is taken back, and kept as a run that failed. One batch, so that nothing
-- stays locked for long. Locks: the switch (shared), the rule, then what its function claims.
create or replace function dbkit._run_heal_rule(p_rule text, p_judged jsonb default null)
returns jsonb
language plpgsql
volatile
as $$
declare
  v_started constant timestamptz := dbkit.clock();
  v_rule dbkit.heal_rules;
  v_outcome text;
  v_left int;
  v_limit int;
  v_except text[];
  v_judged jsonb := '{}'::jsonb;
  v_rows jsonb := '[]'::jsonb;
  v_error text;
  v_run bigint;
begin
  v_rule := dbkit._lock_heal_rule(p_rule);
  v_outcome := dbkit._heal_verdict(v_rule);
  v_left := dbkit._heal_budget_left(v_rule);
  v_limit := least(v_rule.batch_size, v_left, nullif(v_rule.allowance, 0));
  if v_outcome is null then
    v_except := dbkit._heal_exceptions(p_rule);
    begin
      v_judged := case
        when v_rule.allowance = 0 and p_judged ->> 'found' is not null and p_judged @> '{"trips": false}'
          then p_judged
        else dbkit._judge_heal_rule(v_rule, v_except)
      end;
      if not (v_judged ->> 'trips')::boolean then
        v_rows := dbkit._call_heal_function(v_rule.apply_function, v_rule.params, v_limit, v_except);
      end if;
      v_outcome := case when (v_judged ->> 'trips')::boolean then 'tripped'
        when v_rows = '[]' then 'nothing' else 'healed' end;
    exception when query_canceled or assert_failure or others then
      v_outcome := 'failed';
      v_rows := '[]'::jsonb;
      v_error := format('%s: %s', sqlstate, sqlerrm);
    end;
  end if;
  v_run := dbkit._end_heal_run(p_rule, v_started, v_outcome, v_judged, v_rows, v_error);
  v_left := v_left - jsonb_array_length(v_rows);
  return jsonb_build_object('rule', p_rule, 'dry_run', false, 'run_id', v_run, 'outcome', v_outcome,
    'found', v_judged -> 'found', 'population', v_judged -> 'population', 'healed', jsonb_array_length(v_rows),
    'budget_left', v_left, 'more', v_outcome = 'healed' and jsonb_array_length(v_rows) = v_limit and v_left > 0,
    'error', v_error, 'changes', v_rows);
end
$$;
comment on function dbkit._run_heal_rule(text, jsonb) is
  'What run_heal_rule does. p_judged: what _foresee_heal_rule said a moment ago. Where that says nothing, or
that the rule trips, it judges again: an earlier rule may have done what this one would have.
Raises KD003, KD740.';
grant execute on function dbkit._run_heal_rule(text, jsonb) to service_role, super_admin;
