-- For caches (NOTIFY, a control event) and for alert rules (a metric of the type deployment).
create or replace function dbkit._tell_release(p_release_id text, p_action text, p_reason text)
returns void
language plpgsql
volatile
as $$
declare
  v_told jsonb := (
    select jsonb_build_object('action', p_action, 'release_id', r.release_id, 'version', r.version,
      'previous_version', r.previous_version, 'share', r.share)
    from dbkit.api_releases r
    where r.release_id = p_release_id);
begin
  perform pg_notify('dbkit_api_version', (
    select jsonb_build_object('current_version', a.current_version, 'fallback_version', a.fallback_version,
      'revision', a.revision, 'release', v_told)::text
    from dbkit.active_api_version a
    where a.id = 1));
  perform dbkit._record_deployment_metric(v_told || jsonb_build_object(
    'action', 'release_' || p_action, 'status', p_action, 'reason', p_reason));
end
$$;
comment on function dbkit._tell_release(text, text, text) is
  'Notifies the channel dbkit_api_version and records a metric of what became of a release.';
