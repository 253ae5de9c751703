-- Waits for the runs that are under way, which hold the row shared: afterwards nothing is healed.
create or replace function dbkit.set_healing_enabled(p_enabled boolean, p_reason text default null)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_before boolean;
begin
  perform dbkit.require_service('switching healing');
  if p_enabled is null or length(p_reason) > 500 then
    perform dbkit.raise_error('KD004', 'p_enabled is true or false, p_reason at most 500 characters',
      '{"argument": "p_enabled"}');
  end if;
  select s.enabled into v_before from dbkit.heal_switch s for update;
  update dbkit.heal_switch s
  set enabled = p_enabled, changed_at = dbkit.clock(), changed_by = session_user, reason = p_reason;
  perform dbkit._log_healing(case when p_enabled then 'switched_on' else 'switched_off' end,
    jsonb_build_array(jsonb_build_object('reason', p_reason, 'by', session_user)));
  return v_before;
end
$$;
comment on function dbkit.set_healing_enabled(boolean, text) is
  'The kill switch of all heal rules. What is under way is waited for; afterwards nothing is changed until
it is switched on again. Undoing is possible all the same. Returns what it was before.
Needs service_role. Raises KD003, KD004.';
grant execute on function dbkit.set_healing_enabled(boolean, text) to service_role, super_admin;
