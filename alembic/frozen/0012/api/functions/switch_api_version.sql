-- Lock order: the pointer row first, then a running release's. Readers never wait: they see the old row until
-- the commit. The NOTIFY tells caches; it is a control event, a few a day.
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
  v_release dbkit.api_releases;
  v_answer jsonb;
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
  v_answer := dbkit._move_api_version(v_old, p_new_version, p_fallback_version, '{}');
  select * into v_release from dbkit.api_releases where status = 'running' for update;
  if found then
    perform dbkit._end_release(v_release,
      case p_new_version when v_release.version then 'promoted' else 'aborted' end,
      format('switched to %s by hand', p_new_version));
  end if;
  return v_answer;
end
$$;
comment on function dbkit.switch_api_version(text, text, bigint) is
  'Makes a version the active one, at once and without a restart, and logs it to deployment_log. Without a
fallback the next older version is taken, or the previous one. p_expected_revision makes it
compare-and-set. A guarded release that runs is ended by it: everybody is served the new version. Notifies the
channel dbkit_api_version at commit.
Needs super_admin. Raises KD003, KD102 unknown version, KD103 sunset, KD106 bad fallback, KD107 a promised
call does not resolve (the detail lists them), KD113 other revision. Nothing changes after an error.
Returns {success boolean, previous_version text, current_version text, fallback_version text, revision bigint, deployment_id text}';
grant execute on function dbkit.switch_api_version(text, text, bigint) to super_admin;
