create or replace function dbkit.register_api_version(
  p_version text,
  p_min_app_version text,
  p_description text default ''
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_key text := dbkit.semver_key(p_min_app_version);
  v_wrong dbkit.api_versions;
begin
  perform dbkit.require_super_admin('registering an API version');
  if p_version is null or p_version !~ '^v[1-9][0-9]{0,3}$' or v_key is null then
    perform dbkit.raise_error('KD004', 'an API version is named v1, v2, … and has a minimum app version',
      jsonb_build_object('version', p_version, 'min_app_version', p_min_app_version),
      'For example: select register_api_version(''v4'', ''1.6.0'');');
  end if;
  perform dbkit._lock_registry();
  select * into v_wrong
  from dbkit.api_versions
  where version <> p_version
    and (ordinal < substr(p_version, 2)::int) <> (min_app_key <= v_key collate "C")
    and min_app_key <> v_key collate "C"
  order by ordinal
  limit 1;
  if found then
    perform dbkit.raise_error('KD004',
      format('%s cannot need app %s while %s needs %s: newer versions need newer apps', p_version,
        p_min_app_version, v_wrong.version, v_wrong.min_app_version),
      jsonb_build_object('version', p_version, 'min_app_version', p_min_app_version,
        'other_version', v_wrong.version, 'other_min_app_version', v_wrong.min_app_version),
      'Choose a minimum between those of the neighbouring versions.');
  end if;
  insert into dbkit.api_versions (version, min_app_version, description)
  values (p_version, p_min_app_version, coalesce(p_description, ''))
  on conflict (version) do update
  set min_app_version = excluded.min_app_version, description = excluded.description;
  perform dbkit._refresh_api_routes();
end
$$;
comment on function dbkit.register_api_version(text, text, text) is
  'Adds an API version, or changes its minimum app version (semantic version) and description. It is served
when asked for at once, and to everybody after switch_api_version. Needs super_admin.
Raises KD002, KD003, KD004.';
grant execute on function dbkit.register_api_version(text, text, text) to super_admin;
