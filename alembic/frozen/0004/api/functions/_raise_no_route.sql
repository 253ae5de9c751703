-- The slow path of route_api_call: nothing was found, so say which condition failed.
create or replace function dbkit._raise_no_route(
  p_name text,
  p_requested_version text,
  p_app_key text
)
returns void
language plpgsql
stable
as $$
declare
  v_asked text := coalesce(p_requested_version, dbkit._default_version());
  v_version dbkit.api_versions;
  v_detail jsonb := jsonb_build_object('rpc', p_name, 'requested_version', p_requested_version,
    'asked_version', v_asked);
  v_newer text;
  v_minimum text;
begin
  select * into v_version from dbkit.api_versions where version = v_asked;
  if not found then
    perform dbkit.raise_error('KD102', format('there is no API version "%s"', v_asked), v_detail
      || jsonb_build_object('versions',
        (select jsonb_agg(version order by ordinal) from dbkit.api_versions)),
      'Ask for one of the versions in the detail.');
  elsif not exists (select from dbkit.api_rpcs where name = p_name) then
    perform dbkit.raise_error('KD101', format('there is no call "%s"', p_name), v_detail,
      'select * from dbkit.list_rpcs() lists the calls.');
  elsif v_version.sunset_at <= dbkit.clock() then
    perform dbkit.raise_error('KD103', format('%s has been sunset%s', v_asked,
        coalesce('; use ' || v_version.successor, '')),
      v_detail || jsonb_build_object('version', v_asked, 'sunset_at', v_version.sunset_at,
        'successor', v_version.successor),
      coalesce('Move to ' || v_version.successor || '.', 'Move to a newer version.'));
  end if;
  select r.version into v_newer
  from dbkit.api_rpcs r join dbkit.api_versions v using (version)
  where r.name = p_name and v.ordinal > v_version.ordinal
  order by v.ordinal limit 1;
  if not exists (
    select from dbkit.api_rpcs r join dbkit.api_versions v using (version)
    where r.name = p_name and v.ordinal <= v_version.ordinal
  ) then
    perform dbkit.raise_error('KD101', format('%s has no call "%s"; it begins with %s', v_asked, p_name,
        v_newer), v_detail || jsonb_build_object('available_from', v_newer),
      format('Ask for %s.', v_newer));
  end if;
  select v.min_app_version into v_minimum
  from dbkit.api_routes t
  join dbkit.api_versions v on v.min_app_key = t.min_app_key
  where t.name = p_name and t.asked = v_asked and t.explicit = (p_requested_version is not null)
    and (t.sunset_at is null or t.sunset_at > dbkit.clock())
    and t.min_app_key > p_app_key collate "C"
  order by t.min_app_key limit 1;
  if v_minimum is not null then
    perform dbkit.raise_error('KD104', format('"%s" needs app version %s or newer', p_name, v_minimum),
      v_detail || jsonb_build_object('minimum_app_version', v_minimum,
        'app_version', dbkit.context_value('app_version')), format('Update the app to %s.', v_minimum));
  elsif exists (
    select from dbkit.api_routes t
    where t.name = p_name and t.asked = v_asked and t.explicit = (p_requested_version is not null)
      and (p_app_key is null or t.min_app_key <= p_app_key collate "C")
      and (t.below_app_key is null or p_app_key < t.below_app_key collate "C")
  ) then
    perform dbkit.raise_error('KD103', format('every version of "%s" up to %s has been sunset', p_name,
        v_asked), v_detail || jsonb_build_object('version', v_asked, 'successor', v_newer),
      coalesce('Move to ' || v_newer || '.', 'Move to a newer version.'));
  end if;
  perform dbkit.raise_error('KD109',
    format('the write "%s" is not in %s, and no older version takes its payload', p_name, v_asked),
    v_detail, 'Register it in that version, or name that version in compatible_with of an older one.');
end
$$;
comment on function dbkit._raise_no_route(text, text, text) is
  'Raises why a call has no version to be served from: KD101 to KD104 or KD109.';
grant execute on function dbkit._raise_no_route(text, text, text)
to anon, authenticated, service_role, super_admin;
