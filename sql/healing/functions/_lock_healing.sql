-- Locks: the row of the ledger, before what the rule's function locks.
create or replace function dbkit._lock_healing(p_ledger_id bigint)
returns dbkit.heal_ledger
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_healing dbkit.heal_ledger;
begin
  perform dbkit.require_service('undoing a healing');
  select * into v_healing from dbkit.heal_ledger l where l.id = p_ledger_id for update;
  if v_healing.id is null then
    perform dbkit.raise_error('KD742', format('there is no healing %s', coalesce(p_ledger_id::text, 'NULL')),
      jsonb_build_object('ledger_id', p_ledger_id), 'dbkit.get_heal_ledger() lists them.');
  elsif v_healing.undone_at is not null then
    perform dbkit.raise_error('KD744', format('the healing %s is undone already', p_ledger_id),
      jsonb_build_object('ledger_id', p_ledger_id, 'undone_at', v_healing.undone_at, 'undone_by', v_healing.undone_by));
  end if;
  return v_healing;
end
$$;
comment on function dbkit._lock_healing(bigint) is
  'A healing that is not undone, its row locked. Raises KD003, KD742, KD744.';
grant execute on function dbkit._lock_healing(bigint) to service_role, super_admin;
