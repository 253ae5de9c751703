create or replace function dbkit._check_switch(p_new_version text, p_fallback_version text)
returns void
language plpgsql
stable
as $$
declare
  v_version dbkit.api_versions;
  v_broken jsonb;
begin
  if p_fallback_version is null or p_fallback_version = p_new_version then
    perform dbkit.raise_error('KD106', format('%s cannot be its own fallback', p_new_version),
      jsonb_build_object('new_version', p_new_version, 'fallback_version', p_fallback_version),
      'Name another version, or none: the next older one is taken then.');
  end if;
  perform dbkit._require_version(p_fallback_version);
  select * into v_version from dbkit.api_versions where version = p_new_version;
  if v_version.sunset_at <= dbkit.clock() then
    perform dbkit.raise_error('KD103', format('%s has been sunset', p_new_version),
      jsonb_build_object('version', p_new_version, 'sunset_at', v_version.sunset_at,
        'successor', v_version.successor), 'Switch to a version that is not sunset.');
  elsif exists (
    select from dbkit.api_versions
    where version = p_fallback_version and sunset_at <= dbkit.clock()
  ) then
    perform dbkit.raise_error('KD106', format('the fallback %s has been sunset', p_fallback_version),
      jsonb_build_object('new_version', p_new_version, 'fallback_version', p_fallback_version),
      'Name a version that is not sunset.');
  end if;
  select jsonb_agg(to_jsonb(c)) into v_broken from dbkit._unresolved_calls(p_new_version) as c;
  if v_broken is not null then
    perform dbkit.raise_error('KD107',
      format('%s promises %s call(s) that do not resolve: %s', p_new_version,
        jsonb_array_length(v_broken), (select string_agg(b ->> 'name', ', ') from
          jsonb_array_elements(v_broken) as b)),
      jsonb_build_object('version', p_new_version, 'calls', v_broken),
      'Create the handlers, register the calls for this version, or unregister them.');
  end if;
end
$$;
comment on function dbkit._check_switch(text, text) is
  'Raises why a version may not become the active one: KD102, KD103, KD106, KD107.';
