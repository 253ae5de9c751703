create or replace function dbkit.delete_subscription(p_subscription_id uuid)
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_subscription dbkit.event_subscriptions;
  v_skipped int;
begin
  perform dbkit.require_service('deleting a subscription');
  v_subscription := dbkit._lock_subscription(p_subscription_id);
  update dbkit.event_subscriptions s
  set status = 'deleted', disabled_at = null, disabled_reason = null, disabled_position = null,
    headers = '{}',
    updated_at = dbkit.clock()
  where s.organization_id = v_subscription.organization_id and s.subscription_id = p_subscription_id;
  delete from dbkit.event_subscription_secrets s
  where s.organization_id = v_subscription.organization_id and s.subscription_id = p_subscription_id;
  update dbkit.event_delivery_log d
  set status = 'skipped', finished_at = dbkit.clock()
  where d.organization_id = v_subscription.organization_id and d.subscription_id = p_subscription_id
    and d.status in ('pending', 'leased', 'retry_wait');
  get diagnostics v_skipped = row_count;
  delete from dbkit.event_delivery_queues q
  where q.organization_id = v_subscription.organization_id and q.subscription_id = p_subscription_id;
  return v_skipped;
end
$$;
comment on function dbkit.delete_subscription(uuid) is
  'Deletes a subscription of the caller''s organization, its secrets and its extra headers. Deliveries
that were not done are skipped (the result: how many); the log of them stays until prune_deliveries.
Needs service_role. Raises KD003, KD520.';
grant execute on function dbkit.delete_subscription(uuid) to service_role, super_admin;
