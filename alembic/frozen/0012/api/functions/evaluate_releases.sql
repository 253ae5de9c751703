-- Lock order: pointer, release, as a switch. Whoever finds the pointer locked goes away: a switch or another
-- evaluator is at it, and in ten seconds there is another turn. So of many evaluators one counts a block.
create or replace function dbkit.evaluate_releases()
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_release dbkit.api_releases;
  v_action text;
begin
  perform dbkit.require_service('evaluating releases');
  if exists (select from dbkit.api_releases where status = 'running') then
    perform from dbkit.active_api_version where id = 1 for update skip locked;
    if found then
      select * into v_release from dbkit.api_releases where status = 'running' for update;
    end if;
  end if;
  if v_release.release_id is null then
    return jsonb_build_object('evaluated', false, 'release_id', null, 'verdict', null, 'action', 'none');
  end if;
  v_release := dbkit._count_release(v_release, dbkit.clock() - interval '1 second');
  v_release.verdict := dbkit._release_verdict(v_release);
  update dbkit.api_releases
  set new_calls = v_release.new_calls, new_errors = v_release.new_errors, new_slow = v_release.new_slow,
    old_calls = v_release.old_calls, old_errors = v_release.old_errors, old_slow = v_release.old_slow,
    all_new_calls = v_release.all_new_calls, new_consumers = v_release.new_consumers,
    failing_consumers = v_release.failing_consumers, error_evidence = v_release.error_evidence,
    slow_evidence = v_release.slow_evidence, counted_until = v_release.counted_until,
    verdict = v_release.verdict, evaluated_at = dbkit.clock(), evaluations = evaluations + 1
  where release_id = v_release.release_id;
  v_action := dbkit._decide_release(v_release);
  return jsonb_build_object('evaluated', true, 'release_id', v_release.release_id,
    'verdict', v_release.verdict, 'action', v_action);
end
$$;
comment on function dbkit.evaluate_releases() is
  'Counts the calls of the running guarded release since the last time, and switches it back, grows, promotes
or ends it when that is due (action: switched_back, grown, promoted, inconclusive, aborted or none). A task of
workers, every 10 s; run it as often as you like, side by side too. Needs service_role (KD003).
Returns {evaluated boolean, release_id text?, verdict text?, action text}';
grant execute on function dbkit.evaluate_releases() to service_role, super_admin;
