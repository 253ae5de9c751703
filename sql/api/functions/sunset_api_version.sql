create or replace function dbkit.sunset_api_version(p_version text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_inherited text[];
  v_now timestamptz;
begin
  perform dbkit.require_super_admin('ending an API version');
  perform dbkit._require_version(p_version);
  perform dbkit._lock_registry();
  perform from dbkit.active_api_version where id = 1 for update;
  if exists (
    select from dbkit.active_api_version where p_version in (current_version, fallback_version)
  ) or exists (select from dbkit.api_consumers where pinned_version = p_version)
    or exists (select from dbkit.api_releases where status = 'running' and version = p_version) then
    perform dbkit.raise_error('KD112',
      format('%s is the current version, the fallback, being released, or the pin of a consumer', p_version),
      jsonb_build_object('version', p_version, 'pinned', array(
        select consumer from dbkit.api_consumers where pinned_version = p_version order by consumer)),
      'Switch to other versions and move the pins first; get_sunset_readiness tells what is left.');
  end if;
  v_inherited := dbkit._inherited_calls(p_version);
  if v_inherited <> '{}' then
    perform dbkit.raise_error('KD112',
      format('newer versions serve %s from %s', array_to_string(v_inherited, ', '), p_version),
      jsonb_build_object('version', p_version, 'calls', v_inherited),
      'Register these calls (the same handlers will do) for the next version first.');
  end if;
  v_now := dbkit.clock();
  update dbkit.api_versions
  set status = 'sunset', deprecated_at = coalesce(least(deprecated_at, v_now), v_now), sunset_at = v_now
  where version = p_version;
  perform dbkit._refresh_api_routes();
end
$$;
comment on function dbkit.sunset_api_version(text) is
  'Ends a version now: asking for it raises KD103 (410) with the successor. Needs super_admin.
Raises KD003, KD102, and KD112 while it is current, the fallback, being released, a consumer''s pin, or the one from
which newer versions serve a call that they do not have themselves.';
grant execute on function dbkit.sunset_api_version(text) to super_admin;
