-- Waits for whoever evaluates at the moment instead of passing by: if that one dies, its rules are
-- evaluated here, at the same time, so no tick is lost. Who comes second finds them done.
create or replace function dbkit._begin_alert_tick(p_now timestamptz)
returns bigint[]
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_ids bigint[];
begin
  perform dbkit.require_service('evaluating alert rules');
  with locked as (
    select s.rule_id
    from dbkit.alert_rule_states s
    where s.evaluated_at < p_now
    order by s.rule_id
    for update
  )
  select coalesce(array_agg(l.rule_id order by l.rule_id), '{}')
  into v_ids
  from locked l
  join dbkit.alert_rules r on r.id = l.rule_id
  where r.enabled;
  return v_ids;
end
$$;
comment on function dbkit._begin_alert_tick(timestamptz) is
  'The rules that were not evaluated for this time yet, locked until the transaction ends. Raises KD003.';
grant execute on function dbkit._begin_alert_tick(timestamptz) to service_role, super_admin;
