create or replace function dbkit._promote_release(p_release dbkit.api_releases, p_reason text)
returns void
language plpgsql
volatile
as $$
declare
  v_pointer dbkit.active_api_version;
begin
  select * into v_pointer from dbkit.active_api_version where id = 1;
  perform dbkit._move_api_version(v_pointer, p_release.version, p_release.previous_version,
    jsonb_build_object('action', 'release_promoted', 'release_id', p_release.release_id,
      'share', p_release.share, 'reason', p_reason, 'new_calls', p_release.all_new_calls));
  perform dbkit._end_release(p_release, 'promoted', p_reason);
end
$$;
comment on function dbkit._promote_release(dbkit.api_releases, text) is
  'Switches to the version of a release and ends it; raises what _check_switch raises.';
