-- Lock order: the pointer row first, then everything is only read. Readers never wait: they see the old
-- row until the commit. The NOTIFY tells caches; it is a control event, a few a day.
create or replace function dbkit.switch_api_version(
  p_new_version text,
  p_fallback_version text default null,
  p_expected_revision bigint default null
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_old dbkit.active_api_version;
  v_fallback text;
  v_deployment text;
begin
  perform dbkit.require_super_admin('switching the API version');
  perform dbkit._require_version(p_new_version);
  select * into v_old from dbkit.active_api_version where id = 1 for update;
  if p_expected_revision <> v_old.revision then
    perform dbkit.raise_error('KD113',
      format('the revision is %s, not %s: somebody switched in between', v_old.revision,
        p_expected_revision),
      jsonb_build_object('revision', v_old.revision, 'expected_revision', p_expected_revision,
        'current_version', v_old.current_version),
      'Read get_active_api_version() again and decide anew.');
  end if;
  v_fallback := coalesce(p_fallback_version, dbkit._default_fallback(p_new_version, v_old.current_version));
  perform dbkit._check_switch(p_new_version, v_fallback);
  v_deployment := dbkit._log_api_switch(p_new_version, jsonb_build_object(
    'previous_version', v_old.current_version, 'fallback_version', v_fallback,
    'revision', v_old.revision + 1));
  update dbkit.active_api_version
  set current_version = p_new_version,
    fallback_version = v_fallback,
    revision = v_old.revision + 1,
    routes_revision = dbkit._routes_revision(),
    updated_at = dbkit.clock(),
    updated_by = dbkit.caller_role(),
    deployment_id = v_deployment
  where id = 1;
  perform pg_notify('dbkit_api_version', jsonb_build_object(
    'current_version', p_new_version, 'fallback_version', v_fallback,
    'revision', v_old.revision + 1)::text);
  return jsonb_build_object('success', true, 'previous_version', v_old.current_version,
    'current_version', p_new_version, 'fallback_version', v_fallback,
    'revision', v_old.revision + 1, 'deployment_id', v_deployment);
end
$$;
comment on function dbkit.switch_api_version(text, text, bigint) is
  'Makes a version the active one, at once and without a restart, and logs it to deployment_log. Without a
fallback the next older version is taken, or the previous one. p_expected_revision makes it
compare-and-set. Notifies the channel dbkit_api_version at commit.
Needs super_admin. Raises KD003, KD102 unknown version, KD103 sunset, KD106 bad fallback, KD107 a promised
call does not resolve (the detail lists them), KD113 other revision. Nothing changes after an error.
Returns {success boolean, previous_version text, current_version text, fallback_version text, revision bigint, deployment_id text}';
grant execute on function dbkit.switch_api_version(text, text, bigint) to super_admin;
