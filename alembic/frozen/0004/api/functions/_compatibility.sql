create or replace function dbkit._compatibility(p_payload jsonb)
returns jsonb
language plpgsql
stable
as $$
declare
  v_app text := coalesce(p_payload ->> 'app_version', dbkit.context_value('app_version'));
  v_best text;
begin
  if v_app is null then
    perform dbkit.raise_error('KD105', 'check_compatibility: "app_version" is required',
      '{"field": "app_version"}', 'Send it in the payload or in the request context.');
  end if;
  v_best := dbkit.get_best_api_version(v_app);
  return jsonb_build_object(
    'compatible', v_best is not null,
    'app_version', v_app,
    'minimum_app_version', (
      select min_app_version
      from dbkit.api_versions
      where sunset_at is null or sunset_at > dbkit.clock()
      order by ordinal
      limit 1),
    'best_version', v_best,
    'current_version', dbkit._default_version());
end
$$;
comment on function dbkit._compatibility(jsonb) is
  'What every version of check_compatibility answers. Raises KD105 when no app version is given.';
grant execute on function dbkit._compatibility(jsonb)
to anon, authenticated, service_role, super_admin;
