create or replace function dbkit.promote_release(
  p_release_id text default null,
  p_reason text default 'by hand'
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_release dbkit.api_releases;
begin
  perform dbkit.require_super_admin('promoting a release');
  v_release := dbkit._running_release(p_release_id);
  perform dbkit._promote_release(v_release, coalesce(nullif(trim(p_reason), ''), 'by hand'));
  return dbkit.get_release_status(v_release.release_id);
end
$$;
comment on function dbkit.promote_release(text, text) is
  'Makes the version of the running guarded release the active one for everybody, now and whatever the guard
says; p_release_id makes sure that it is that one. Answers what get_release_status does. Needs super_admin.
Raises KD003, KD103, KD107, KD117.
Nullable: p_release_id.
Returns {release_id text, version text, previous_version text, status text, verdict text, share double precision, next_shares double precision[], guards text[], started_at timestamptz, ends_at timestamptz, evaluated_at timestamptz?, new {calls bigint, errors bigint, slow bigint}, old {calls bigint, errors bigint, slow bigint}, reason text?}';
grant execute on function dbkit.promote_release(text, text) to super_admin;
