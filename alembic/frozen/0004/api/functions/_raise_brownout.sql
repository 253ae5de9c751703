create or replace function dbkit._raise_brownout(p_version text, p_brownouts tstzmultirange)
returns void
language plpgsql
stable
as $$
declare
  v_end timestamptz := (
    select upper(r) from unnest(p_brownouts) as r where r @> dbkit.clock());
begin
  perform dbkit.raise_error(
    'KD114',
    format('%s is switched off %s, before its sunset', p_version,
      coalesce('until ' || v_end::text, 'for good')),
    jsonb_build_object('version', p_version, 'until', v_end,
      'retry_after', ceil(extract(epoch from v_end - dbkit.clock()))),
    coalesce(
      (select 'Move to ' || successor || '.' from dbkit.api_versions where version = p_version),
      'Call again later.'));
end
$$;
comment on function dbkit._raise_brownout(text, tstzmultirange) is
  'Raises KD114; retry_after in the detail is in seconds.';
grant execute on function dbkit._raise_brownout(text, tstzmultirange)
to anon, authenticated, service_role, super_admin;
