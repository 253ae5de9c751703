-- Locks the step's row until the transaction ends; who finds it locked goes away.
create or replace function dbkit._begin_maintenance_step(p_step text)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_signature text;
begin
  perform dbkit.require_service('maintenance');
  if not exists (select from dbkit.maintenance_steps s where s.step = p_step) then
    perform dbkit._raise_unknown_maintenance_step(p_step);
  end if;
  select s.function_signature into v_signature
  from dbkit.maintenance_steps s
  where s.step = p_step
  for update skip locked;
  return v_signature;
end
$$;
comment on function dbkit._begin_maintenance_step(text) is
  'The function of a step, its row locked; NULL when it runs elsewhere. Raises KD003, KD747.';
grant execute on function dbkit._begin_maintenance_step(text) to service_role, super_admin;
