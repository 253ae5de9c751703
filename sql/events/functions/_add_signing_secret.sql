create or replace function dbkit._add_signing_secret(
  p_organization_id text,
  p_subscription_id uuid,
  p_secret text
)
returns text
language plpgsql
volatile
as $$
declare
  v_secret text := coalesce(p_secret, 'whsec_' || encode(dbkit._new_subject_key(), 'base64'));
  v_secret_id bigint;
begin
  if v_secret !~ '^whsec_([A-Za-z0-9+/]{4})+([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$'
    or length(v_secret) > 200 or length(decode(substr(v_secret, 7), 'base64')) not between 24 and 64
  then
    perform dbkit.raise_error('KD521', 'p_secret must be whsec_ and 24 to 64 bytes in base64',
      '{"argument": "p_secret"}', 'Leave it out, and one is made.');
  end if;
  insert into dbkit.event_subscription_secrets (organization_id, subscription_id, sealed_secret, created_at)
  values (p_organization_id, p_subscription_id, '', dbkit.clock())
  returning secret_id into v_secret_id;
  update dbkit.event_subscription_secrets s
  set sealed_secret = dbkit._seal_value(dbkit._secret_key(p_organization_id),
    jsonb_build_array(p_organization_id, p_subscription_id, v_secret_id)::text, to_jsonb(v_secret))
  where s.organization_id = p_organization_id and s.subscription_id = p_subscription_id
    and s.secret_id = v_secret_id;
  update dbkit.event_subscriptions s
  set secrets_version = v_secret_id
  where s.organization_id = p_organization_id and s.subscription_id = p_subscription_id;
  return v_secret;
end
$$;
comment on function dbkit._add_signing_secret(text, uuid, text) is
  'Stores the newest secret of a subscription, a new one of 32 random bytes for NULL, and returns it.
Raises KD521.';
