create or replace function dbkit.deprecate_api_version(
  p_version text,
  p_sunset_at timestamptz default null,
  p_successor text default null,
  p_brownouts tstzmultirange default '{}'
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_successor text := p_successor;
begin
  perform dbkit.require_super_admin('deprecating an API version');
  perform dbkit._require_version(p_version);
  perform dbkit._lock_registry();
  if v_successor is null then
    select newer.version into v_successor
    from dbkit.api_versions v
    join dbkit.api_versions newer on newer.ordinal > v.ordinal and newer.status = 'active'
    where v.version = p_version
    order by newer.ordinal desc
    limit 1;
  else
    perform dbkit._require_version(v_successor);
  end if;
  if v_successor = p_version or p_sunset_at <= dbkit.clock() then
    perform dbkit.raise_error('KD004',
      'the successor must be another version, and the sunset must lie in the future',
      jsonb_build_object('version', p_version, 'successor', v_successor, 'sunset_at', p_sunset_at),
      'To end a version now: select sunset_api_version(…).');
  end if;
  update dbkit.api_versions
  set status = 'deprecated',
    deprecated_at = coalesce(deprecated_at, dbkit.clock()),
    sunset_at = p_sunset_at,
    successor = v_successor,
    brownouts = coalesce(p_brownouts, '{}')
  where version = p_version;
  perform dbkit._refresh_api_routes();
end
$$;
comment on function dbkit.deprecate_api_version(text, timestamptz, text, tstzmultirange) is
  'Announces the end of a version: answers carry deprecated, sunset_at and a warning from now on; from
p_sunset_at on they are errors (KD103); within the brownouts they are KD114. The successor defaults to the
newest active version. Calling it for a sunset version opens that again. Needs super_admin.
Raises KD003, KD004, KD102.';
grant execute on function dbkit.deprecate_api_version(text, timestamptz, text, tstzmultirange)
to super_admin;
