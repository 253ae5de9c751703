-- In pieces, so that nothing is locked for long: more goes at the next run.
create or replace function dbkit.prune_maintenance(p_run_days int default 30, p_ledger_days int default 400)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_now constant timestamptz := dbkit.clock();
  v_piece constant int := 5000;
  v_ledger int;
  v_heal_runs int;
  v_steps int;
begin
  perform dbkit.require_service('forgetting old runs');
  if p_run_days between 1 and 3650 is not true or p_ledger_days between 31 and 3650 is not true then
    perform dbkit.raise_error('KD004', 'p_run_days is 1 to 3650, p_ledger_days 31 to 3650',
      jsonb_build_object('p_run_days', p_run_days, 'p_ledger_days', p_ledger_days));
  end if;
  delete from dbkit.heal_ledger l
  where l.id in (
    select o.id from dbkit.heal_ledger o
    where o.healed_at < v_now - make_interval(days => p_ledger_days)
    order by o.healed_at limit v_piece for update skip locked);
  get diagnostics v_ledger = row_count;
  delete from dbkit.heal_runs r
  where r.id in (
    select o.id from dbkit.heal_runs o
    where o.started_at < v_now - make_interval(days => p_run_days)
      and not exists (select from dbkit.heal_ledger l where l.run_id = o.id)
    order by o.started_at limit v_piece for update skip locked);
  get diagnostics v_heal_runs = row_count;
  delete from dbkit.maintenance_runs r
  where r.id in (
    select o.id from dbkit.maintenance_runs o
    where o.started_at < v_now - make_interval(days => p_run_days)
    order by o.started_at limit v_piece for update skip locked);
  get diagnostics v_steps = row_count;
  return jsonb_build_object('ledger', v_ledger, 'heal_runs', v_heal_runs, 'maintenance_runs', v_steps,
    'more', v_piece in (v_ledger, v_heal_runs, v_steps));
end
$$;
comment on function dbkit.prune_maintenance(int, int) is
  'Forgets runs of rules and steps older than p_run_days days (1 to 3650), and what was healed more than
p_ledger_days days ago (31 to 3650), at most 5000 of each at a time; a run stays as long as something in the
ledger is its.
Returns {ledger int, heal_runs int, maintenance_runs int, more boolean}.
Needs service_role. Raises KD003, KD004.';
grant execute on function dbkit.prune_maintenance(int, int) to service_role, super_admin;
