create or replace function dbkit.rotate_subscription_secret(
  p_subscription_id uuid,
  p_secret text default null,
  p_overlap_hours int default 24
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_now timestamptz := dbkit.clock();
  v_expires_at timestamptz;
  v_subscription dbkit.event_subscriptions;
begin
  perform dbkit.require_service('rotating a signing secret');
  if (p_overlap_hours between 0 and 720) is not true then
    perform dbkit.raise_error('KD004', 'p_overlap_hours must be 0 to 720', '{"argument": "p_overlap_hours"}');
  end if;
  v_expires_at := v_now + make_interval(hours => p_overlap_hours);
  v_subscription := dbkit._lock_subscription(p_subscription_id);
  update dbkit.event_subscription_secrets s
  set expires_at = least(s.expires_at, v_expires_at)
  where s.organization_id = v_subscription.organization_id and s.subscription_id = p_subscription_id;
  -- A signature with each goes into a header: five at most.
  delete from dbkit.event_subscription_secrets s
  where s.organization_id = v_subscription.organization_id and s.subscription_id = p_subscription_id
    and (s.expires_at <= v_now or s.secret_id not in (
      select n.secret_id
      from dbkit.event_subscription_secrets n
      where n.organization_id = s.organization_id and n.subscription_id = s.subscription_id
      order by n.secret_id desc
      limit 4));
  return jsonb_build_object('subscription_id', p_subscription_id,
    'secret', dbkit._add_signing_secret(v_subscription.organization_id, p_subscription_id, p_secret),
    'previous_expires_at', case when p_overlap_hours > 0 then v_expires_at end);
end
$$;
comment on function dbkit.rotate_subscription_secret(uuid, text, int) is
  'Gives a subscription of the caller''s organization a new signing secret, told here and never again. For
p_overlap_hours (0 to 720) deliveries are signed with the old one too, so that receivers can change over;
previous_expires_at: until when, NULL when it ended at once. None of the older ones lasts longer: 0 ends
all of them, as after a leak. Of more than five the oldest ends at once.
p_secret: whsec_ and 24 to 64 bytes in base64; NULL a new one.
Returns {subscription_id uuid, secret text, previous_expires_at timestamptz?}.
Needs service_role. Raises KD003, KD004, KD520, KD521.';
grant execute on function dbkit.rotate_subscription_secret(uuid, text, int) to service_role, super_admin;
