create or replace function dbkit.get_signing_secrets(p_subscription_ids uuid[])
returns table (subscription_id uuid, secrets text[], secrets_version bigint, valid_until timestamptz)
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_service('reading signing secrets');
  return query
  select s.subscription_id,
    coalesce(array_agg(o.secret order by x.secret_id desc) filter (where o.secret is not null), '{}'),
    s.secrets_version, min(x.expires_at)
  from dbkit.event_subscriptions s
  join dbkit.event_subscription_secrets x on x.organization_id = s.organization_id
    and x.subscription_id = s.subscription_id and (x.expires_at is null or x.expires_at > dbkit.clock())
  join dbkit.event_secret_keys k on k.organization_id = s.organization_id
  cross join lateral (
    select dbkit._open_value(k.key,
      jsonb_build_array(x.organization_id, x.subscription_id, x.secret_id)::text, x.sealed_secret) #>> '{}'
      as secret) as o
  where s.subscription_id = any (p_subscription_ids)
  group by s.organization_id, s.subscription_id, s.secrets_version;
end
$$;
comment on function dbkit.get_signing_secrets(uuid[]) is
  'With what deliveries of these subscriptions, of any organization, are signed. secrets: newest first, all
that have not expired; a signature with each goes into webhook-signature. Keep them until valid_until (when
the next expires, NULL for never) or until claim_deliveries tells another secrets_version.
Needs service_role. Raises KD003.
Nullable: valid_until.';
grant execute on function dbkit.get_signing_secrets(uuid[]) to service_role, super_admin;
