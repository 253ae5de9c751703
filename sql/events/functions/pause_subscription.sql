create or replace function dbkit.pause_subscription(p_subscription_id uuid)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_subscription dbkit.event_subscriptions;
begin
  perform dbkit.require_service('pausing a subscription');
  v_subscription := dbkit._lock_subscription(p_subscription_id);
  perform dbkit._require_enabled(v_subscription);
  perform dbkit._set_paused(v_subscription, true);
end
$$;
comment on function dbkit.pause_subscription(uuid) is
  'Sends nothing more to a subscription of the caller''s organization until resume_subscription: events go
on to queue up for it. What a worker has leased it may still send. Again it does nothing.
Needs service_role. Raises KD003, KD520, KD524 (disabled).';
grant execute on function dbkit.pause_subscription(uuid) to service_role, super_admin;
