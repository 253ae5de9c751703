create or replace function dbkit.resume_subscription(p_subscription_id uuid)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_subscription dbkit.event_subscriptions;
begin
  perform dbkit.require_service('resuming a subscription');
  v_subscription := dbkit._lock_subscription(p_subscription_id);
  perform dbkit._require_enabled(v_subscription);
  perform dbkit._set_paused(v_subscription, false);
end
$$;
comment on function dbkit.resume_subscription(uuid) is
  'Goes on with a subscription of the caller''s organization that was paused, and sends what queued up.
Again it does nothing.
Needs service_role. Raises KD003, KD520, KD524 (disabled).';
grant execute on function dbkit.resume_subscription(uuid) to service_role, super_admin;
