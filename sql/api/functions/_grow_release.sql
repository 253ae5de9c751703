-- Counts begin anew with each share, the evidence goes on: its bound is for the whole release.
create or replace function dbkit._grow_release(p_release dbkit.api_releases)
returns void
language plpgsql
volatile
as $$
declare
  v_now timestamptz := dbkit.clock();
  v_share numeric := p_release.next_shares[1];
begin
  update dbkit.api_releases
  set share = v_share, next_shares = next_shares[2:], verdict = 'inconclusive',
    step_started_at = v_now, counted_until = v_now + dbkit._release_seam(),
    new_calls = 0, new_errors = 0, new_slow = 0, old_calls = 0, old_errors = 0, old_slow = 0
  where release_id = p_release.release_id;
  perform dbkit._log_api_switch(p_release.version, jsonb_build_object('action', 'release_grown',
    'release_id', p_release.release_id, 'previous_version', p_release.previous_version,
    'share', v_share, 'new_calls', p_release.new_calls, 'new_errors', p_release.new_errors,
    'old_calls', p_release.old_calls, 'old_errors', p_release.old_errors));
  perform dbkit._tell_release(p_release.release_id, 'grown', null);
end
$$;
comment on function dbkit._grow_release(dbkit.api_releases) is
  'Gives a release its next share; logged and told.';
