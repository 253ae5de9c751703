create or replace function dbkit.get_silences(
  p_past boolean default false,
  p_organization_id text default null
)
returns table (
  id bigint,
  organization_id text,
  rule_pattern text,
  severity text,
  starts_at timestamptz,
  ends_at timestamptz,
  reason text,
  created_at timestamptz,
  created_by text,
  expired_by text,
  is_active boolean
)
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
#variable_conflict use_column
declare
  v_now timestamptz := dbkit.clock();
  v_organization_id text := dbkit._organization_filter(p_organization_id);
begin
  perform dbkit.require_service('seeing silences');
  return query
  select s.id, s.organization_id, s.rule_pattern, s.severity, s.starts_at, s.ends_at, s.reason, s.created_at,
    s.created_by, s.expired_by, s.starts_at <= v_now and s.ends_at > v_now
  from dbkit.alert_silences s
  where (v_organization_id is null or s.organization_id = v_organization_id) and (p_past or s.ends_at > v_now)
  order by s.ends_at desc, s.id desc
  limit 1000;
end
$$;
comment on function dbkit.get_silences(boolean, text) is
  'Silences that last or will begin; p_past: also those that are over (1000 at most). p_organization_id: NULL
that of the request context, * all.
Needs service_role. Raises KD003.
Nullable: severity, expired_by.';
grant execute on function dbkit.get_silences(boolean, text) to service_role, super_admin;
