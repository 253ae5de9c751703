-- The caller holds the pointer's row, which comes before a release's in every order of locks.
create or replace function dbkit._end_release(
  p_release dbkit.api_releases,
  p_status text,
  p_reason text
)
returns void
language plpgsql
volatile
as $$
begin
  update dbkit.api_releases
  set status = p_status, ended_at = dbkit.clock(), reason = left(p_reason, 1000),
    ended_by = dbkit.caller_role()
  where release_id = p_release.release_id;
  update dbkit.active_api_version
  set has_pins = exists (select from dbkit.api_consumers), routes_revision = dbkit._routes_revision()
  where id = 1;
  if p_status <> 'promoted' then
    perform dbkit._log_api_switch(p_release.previous_version, jsonb_build_object(
      'action', 'release_' || p_status, 'release_id', p_release.release_id,
      'previous_version', p_release.version, 'share', p_release.share, 'reason', p_reason,
      'new_calls', p_release.all_new_calls));
  end if;
  perform dbkit._tell_release(p_release.release_id, p_status, p_reason);
end
$$;
comment on function dbkit._end_release(dbkit.api_releases, text, text) is
  'Ends a release: nobody is part of its share any more; logged and told (a promotion as the switch).';
