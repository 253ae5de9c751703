create or replace function dbkit.get_version_adoption(p_days int default 30)
returns table (
  usage_date date,
  version text,
  calls bigint,
  share numeric,
  errors bigint,
  clients bigint,
  avg_duration_ms numeric
)
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_service('reading adoption');
  if p_days is null or p_days < 1 then
    perform dbkit.raise_error('KD004', 'p_days must be 1 or more', '{"argument": "p_days"}');
  end if;
  return query
    select u.usage_date, u.version, u.calls,
      round(u.calls / sum(u.calls) over (partition by u.usage_date), 4), u.errors, u.clients,
      round(u.total_duration_ms / u.calls, 3)
    from dbkit.api_version_usage u
    where u.usage_date > (dbkit.clock() at time zone 'UTC')::date - p_days
    order by u.usage_date, u.version;
end
$$;
comment on function dbkit.get_version_adoption(int) is
  'Daily use of each version over the last p_days days (UTC), as of the last roll-up. share: part of the
day''s calls, 0 to 1. Needs service_role (KD003).';
grant execute on function dbkit.get_version_adoption(int) to service_role, super_admin;
