create or replace function dbkit.set_alert_channel(
  p_name text,
  p_kind text,
  p_url text,
  p_enabled boolean default true
)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_organization_id text := dbkit.current_organization();
  v_is_new boolean;
begin
  perform dbkit.require_service('setting an alert channel');
  perform dbkit._check_alert_channel(p_name, p_kind, p_url);
  insert into dbkit.alert_channels as c
    (organization_id, name, kind, sealed_url, enabled, created_at, created_by, updated_at)
  values (v_organization_id, p_name, p_kind, dbkit._seal_value(dbkit._secret_key(v_organization_id),
    jsonb_build_array('alert_channel', v_organization_id, p_name)::text, to_jsonb(p_url)),
      coalesce(p_enabled, true),
    dbkit.clock(), dbkit.caller_role(), dbkit.clock())
  on conflict (organization_id, name) do update
  set kind = excluded.kind, sealed_url = excluded.sealed_url, enabled = excluded.enabled,
    updated_at = excluded.updated_at
  returning c.xmax = 0 into v_is_new;
  return v_is_new;
end
$$;
comment on function dbkit.set_alert_channel(text, text, text, boolean) is
  'Makes or replaces a channel of the caller''s organization; returns whether it is new. p_kind: email,
slack, sms or other, by which rules can address it too. p_url: of Apprise; it is encrypted, and never shown
in a list.
Needs service_role. Raises KD003, KD730.';
grant execute on function dbkit.set_alert_channel(text, text, text, boolean) to service_role, super_admin;
