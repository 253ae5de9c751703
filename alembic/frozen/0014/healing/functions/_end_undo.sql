create or replace function dbkit._end_undo(p_ledger_id bigint, p_reason text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_healing dbkit.heal_ledger;
begin
  perform dbkit.require_service('undoing a healing');
  update dbkit.heal_ledger l
  set undone_at = dbkit.clock(), undone_by = session_user, undo_reason = p_reason
  where l.id = p_ledger_id
  returning * into v_healing;
  perform dbkit._log_healing('undone', jsonb_build_array(jsonb_build_object('ledger_id', v_healing.id,
    'rule', v_healing.rule, 'subject', v_healing.subject, 'reason', p_reason)));
end
$$;
comment on function dbkit._end_undo(bigint, text) is
  'Keeps that a healing was undone, in the ledger and in runtime_metrics (auto_heal). Raises KD003.';
grant execute on function dbkit._end_undo(bigint, text) to service_role, super_admin;
