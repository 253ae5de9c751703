create or replace function dbkit.list_api_keys()
returns table (
  key_id text,
  consumer text,
  role text,
  scopes text[],
  organization_id text,
  description text,
  status text,
  created_by text,
  created_at timestamptz,
  rotated_at timestamptz,
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz,
  revoked_reason text,
  valid_secrets int
)
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_now timestamptz := dbkit.clock();
begin
  perform dbkit.require_service('listing API keys');
  return query
    select k.key_id, k.consumer, k.role, k.scopes, k.organization_id, k.description,
      case when k.revoked_at is not null then 'revoked' when k.expires_at <= v_now then 'expired'
        else 'active' end,
      k.created_by, k.created_at, k.rotated_at, k.expires_at, k.last_used_at, k.revoked_at, k.revoked_reason,
      (select count(*)::int from dbkit.api_key_secrets s
        where s.key_id = k.key_id and (s.valid_until is null or s.valid_until > v_now)
          and (k.expires_at is null or k.expires_at > v_now))
    from dbkit.api_keys k
    order by k.consumer, k.created_at, k.key_id;
end
$$;
comment on function dbkit.list_api_keys() is
  'All API keys, the ended ones too (status: active, expired, revoked), without anything of their secrets.
valid_secrets: how many are good now; 2 while an old one overlaps. Needs service_role (KD003).
Nullable: organization_id, rotated_at, expires_at, last_used_at, revoked_at, revoked_reason.';
grant execute on function dbkit.list_api_keys() to service_role, super_admin;
