create or replace function dbkit._require_version(p_version text)
returns void
language plpgsql
stable
as $$
begin
  if not exists (select from dbkit.api_versions where version = p_version) then
    perform dbkit.raise_error('KD102', format('there is no API version "%s"', p_version),
      jsonb_build_object('version', p_version, 'versions',
        (select jsonb_agg(version order by ordinal) from dbkit.api_versions)),
      'Ask for one of the versions in the detail, or register_api_version first.');
  end if;
end
$$;
comment on function dbkit._require_version(text) is 'Raises KD102 for a version that is not known.';
grant execute on function dbkit._require_version(text)
to anon, authenticated, service_role, super_admin;
