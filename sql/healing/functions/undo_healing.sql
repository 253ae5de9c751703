-- Not SECURITY DEFINER, as run_heal_rule is not.
create or replace function dbkit.undo_healing(p_ledger_id bigint, p_reason text default null)
returns void
language plpgsql
volatile
as $$
declare
  v_healing dbkit.heal_ledger;
  v_function regproc;
  v_refusal text;
begin
  if length(p_reason) > 500 then
    perform dbkit.raise_error('KD004', 'p_reason is at most 500 characters', '{"argument": "p_reason"}');
  end if;
  v_healing := dbkit._lock_healing(p_ledger_id);
  select (r.undo_function || '(text,jsonb,jsonb)')::regprocedure::oid::regproc
  into v_function
  from dbkit.heal_rules r
  where r.rule = v_healing.rule;
  if v_function is null then
    perform dbkit.raise_error('KD745', format('nothing undoes what the rule %s did', v_healing.rule),
      jsonb_build_object('ledger_id', p_ledger_id, 'rule', v_healing.rule),
      'The rule is gone or has no undo_function; before and after are in the ledger.');
  end if;
  execute format('select %s($1, $2, $3)', v_function)
  into v_refusal
  using v_healing.subject::text, v_healing.before, v_healing.after;
  if v_refusal is not null then
    perform dbkit.raise_error('KD743', format('the healing %s cannot be undone: %s', p_ledger_id, v_refusal),
      jsonb_build_object('ledger_id', p_ledger_id, 'subject', v_healing.subject, 'reason', v_refusal));
  end if;
  perform dbkit._end_undo(p_ledger_id, p_reason);
end
$$;
comment on function dbkit.undo_healing(bigint, text) is
  'Takes a healing back, unless its subject has moved on since. The rule leaves that subject alone for 30
days.
Needs service_role. Raises KD003, KD004, KD742, KD743, KD744, KD745.';
grant execute on function dbkit.undo_healing(bigint, text) to service_role, super_admin;
