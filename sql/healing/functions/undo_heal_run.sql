create or replace function dbkit.undo_heal_run(p_run_id bigint, p_reason text default null)
returns jsonb
language plpgsql
volatile
as $$
declare
  v_id bigint;
  v_undone int := 0;
  v_refused jsonb := '[]'::jsonb;
begin
  if not exists (select from dbkit.heal_runs r where r.id = p_run_id) then
    perform dbkit.raise_error('KD742', format('there is no run %s', coalesce(p_run_id::text, 'NULL')),
      jsonb_build_object('run_id', p_run_id), 'dbkit.get_heal_runs() lists them.');
  end if;
  for v_id in
    select l.id from dbkit.heal_ledger l where l.run_id = p_run_id and l.undone_at is null order by l.id desc
  loop
    begin
      perform dbkit.undo_healing(v_id, p_reason);
      v_undone := v_undone + 1;
    exception when sqlstate 'KD743' or sqlstate 'KD744' then
      v_refused := v_refused || jsonb_build_object('ledger_id', v_id, 'reason', sqlerrm);
    end;
  end loop;
  return jsonb_build_object('run_id', p_run_id, 'undone', v_undone, 'refused', v_refused);
end
$$;
comment on function dbkit.undo_heal_run(bigint, text) is
  'Takes back what a run changed, newest first, as far as it has not moved on; refused: [{ledger_id, reason}].
Returns {run_id bigint, undone int, refused jsonb}.
Needs service_role. Raises KD003, KD004, KD742, KD745.';
grant execute on function dbkit.undo_heal_run(bigint, text) to service_role, super_admin;
