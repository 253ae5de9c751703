-- Definer, because clients may add to the telemetry and must not read it: it returns nothing, so
-- that nobody learns about another client either.
create or replace function dbkit.register_client_region(
  p_client_id text,
  p_region_id text,
  p_app_name text default null,
  p_app_version text default null,
  p_api_version text default null
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_now timestamptz := dbkit.clock();
  v_problem text := case
    when p_client_id is null or length(p_client_id) not between 1 and 200
      or p_client_id ~ '[[:cntrl:]]'
      then 'p_client_id must be 1 to 200 printable characters'
    when length(p_app_name) not between 1 and 100 or p_app_name ~ '[[:cntrl:]]'
      then 'p_app_name must be 1 to 100 printable characters'
    when p_api_version !~ '^[A-Za-z0-9._-]{1,20}$'
      then 'p_api_version must be 1 to 20 letters, digits or any of . _ -'
  end;
begin
  if v_problem is not null then
    perform dbkit.raise_error('KD004', v_problem,
      jsonb_build_object('argument', split_part(v_problem, ' ', 1)));
  end if;
  perform dbkit.semver_key(p_app_version);
  perform dbkit.require_region(p_region_id);
  insert into dbkit.client_region_telemetry as t
    (client_id, region_id, app_name, app_version, api_version, first_seen_at, last_seen_at)
  values (p_client_id, p_region_id, p_app_name, p_app_version, p_api_version, v_now, v_now)
  on conflict (client_id) do update
  set region_id = excluded.region_id,
    app_name = coalesce(excluded.app_name, t.app_name),
    app_version = coalesce(excluded.app_version, t.app_version),
    api_version = coalesce(excluded.api_version, t.api_version),
    request_count = t.request_count + 1,
    last_seen_at = greatest(t.last_seen_at, excluded.last_seen_at);
end
$$;
comment on function dbkit.register_client_region(text, text, text, text, text) is
  'Notes a client''s region, app and API version and counts the request; every role may call it.
What is NULL stays as it was. Errors: KD002 for an app version that is not one, KD004 for a bad
argument, KD301 for an unknown region.';
grant execute on function dbkit.register_client_region(text, text, text, text, text)
to anon, authenticated, service_role, super_admin;
