-- Locks as the fan-out has them: its own row, subjects, queues; then the letters.
create or replace function dbkit.requeue_dead_letters(p_dead_letter_ids bigint[])
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_deliveries bigint[];
  v_organizations text[];
  v_subscriptions uuid[];
  v_requeued int;
  v_others int;
begin
  perform dbkit.require_service('requeueing dead letters');
  perform dbkit._require_open_letters(p_dead_letter_ids);
  perform dbkit._lock_fan_out();
  select array_agg(d.delivery_id), array_agg(d.organization_id), array_agg(d.subscription_id)
  into v_deliveries, v_organizations, v_subscriptions
  from dbkit.event_dead_letters l
  join dbkit.event_delivery_log d on d.delivery_id = l.delivery_id and d.organization_id = l.organization_id
  where l.dead_letter_id = any (p_dead_letter_ids) and l.source = 'webhook';
  perform dbkit._require_enabled(dbkit._find_subscription(s.subscription_id))
  from (select distinct x.subscription_id from unnest(v_subscriptions) as x (subscription_id)) as s;
  perform dbkit._write_missing_messages(v_deliveries);
  perform dbkit._lock_delivery_queues(v_organizations, v_subscriptions);
  perform dbkit._require_open_letters(p_dead_letter_ids);
  v_requeued := dbkit._restart_deliveries(v_deliveries);
  update dbkit.event_dead_letters l
  set status = 'requeued', resolved_at = dbkit.clock(), resolved_by = dbkit.caller_role()
  where l.dead_letter_id = any (p_dead_letter_ids) and l.organization_id = dbkit.current_organization()
    and l.status = 'open' and l.source = 'group';
  get diagnostics v_others = row_count;
  return v_requeued + v_others;
end
$$;
comment on function dbkit.requeue_dead_letters(bigint[]) is
  'Begins open dead letters of the caller''s organization anew, 1 to 10000, all or none: a webhook''s
delivery is sent again with all its attempts, a group gets the event again. How many it were.
Needs service_role. Raises KD003, KD004, KD520 (its subscription is deleted), KD524 (or disabled), KD525.';
grant execute on function dbkit.requeue_dead_letters(bigint[]) to service_role, super_admin;
