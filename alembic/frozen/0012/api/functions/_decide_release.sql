create or replace function dbkit._decide_release(p_release dbkit.api_releases)
returns text
language plpgsql
volatile
as $$
declare
  v_now timestamptz := dbkit.clock();
  v_counts text := format('failed: %s of %s calls of %s, %s of %s of %s', p_release.new_errors,
    p_release.new_calls, p_release.version, p_release.old_errors, p_release.old_calls,
    p_release.previous_version)
    || case when p_release.slow_ms is not null then format('; slow: %s and %s', p_release.new_slow,
      p_release.old_slow) else '' end;
begin
  if p_release.verdict = 'worse' then
    perform dbkit._end_release(p_release, 'switched_back', v_counts);
    return 'switched_back';
  elsif exists (
    select from dbkit.api_versions where version = p_release.version and sunset_at <= v_now
  ) then
    perform dbkit._end_release(p_release, 'aborted', format('%s has been sunset', p_release.version));
    return 'aborted';
  elsif p_release.verdict = 'safe'
    and v_now >= p_release.step_started_at + make_interval(mins => p_release.step_minutes)
  then
    if cardinality(p_release.next_shares) > 0 then
      perform dbkit._grow_release(p_release);
      return 'grown';
    end if;
    begin
      perform dbkit._promote_release(p_release, v_counts);
      return 'promoted';
    exception
      when sqlstate 'KD103' or sqlstate 'KD106' or sqlstate 'KD107' then
        perform dbkit._end_release(p_release, 'aborted', format('cannot be switched to: %s', sqlerrm));
        return 'aborted';
    end;
  elsif v_now >= p_release.ends_at then
    perform dbkit._end_release(p_release, 'inconclusive', 'the time is up: ' || v_counts);
    return 'inconclusive';
  end if;
  return 'none';
end
$$;
comment on function dbkit._decide_release(dbkit.api_releases) is
  'Does what a release''s verdict and the time ask for: switched_back, aborted, grown, promoted, inconclusive
or none. The caller holds the pointer''s row and the release''s.';
