create or replace function dbkit.get_release_status(p_release_id text default null)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_release dbkit.api_releases;
begin
  perform dbkit.require_service('reading releases');
  select * into v_release
  from dbkit.api_releases
  where p_release_id is null or release_id = p_release_id
  order by status = 'running' desc, started_at desc, release_id
  limit 1;
  if not found then
    return null;
  end if;
  return jsonb_build_object(
    'release_id', v_release.release_id,
    'version', v_release.version,
    'previous_version', v_release.previous_version,
    'status', v_release.status,
    'verdict', v_release.verdict,
    'share', v_release.share,
    'next_shares', v_release.next_shares,
    'guards', v_release.guards,
    'started_at', v_release.started_at,
    'ends_at', v_release.ends_at,
    'evaluated_at', v_release.evaluated_at,
    'new', jsonb_build_object('calls', v_release.new_calls, 'errors', v_release.new_errors,
      'slow', v_release.new_slow),
    'old', jsonb_build_object('calls', v_release.old_calls, 'errors', v_release.old_errors,
      'slow', v_release.old_slow),
    'reason', v_release.reason);
end
$$;
comment on function dbkit.get_release_status(text) is
  'A guarded release, by default the one that runs, else the newest; NULL when there is none.
status: running, promoted, switched_back, inconclusive or aborted; verdict: what the counted calls say so far
(inconclusive, safe, worse). Calls are those at the present share. Needs service_role (KD003).
Nullable: p_release_id, result.
Returns {release_id text, version text, previous_version text, status text, verdict text, share double precision, next_shares double precision[], guards text[], started_at timestamptz, ends_at timestamptz, evaluated_at timestamptz?, new {calls bigint, errors bigint, slow bigint}, old {calls bigint, errors bigint, slow bigint}, reason text?}';
grant execute on function dbkit.get_release_status(text) to service_role, super_admin;
