-- Arms are what consumers were meant to get, not what the log says they got: an error may know no version.
-- Left out on both sides: who named a version, who is pinned, who has no name, whose app is too old for the
-- new version. The last second is left for the next block: its rows may not be committed yet.
create or replace function dbkit._count_release(p_release dbkit.api_releases, p_until timestamptz)
returns dbkit.api_releases
language plpgsql
stable
as $$
declare
  v_release dbkit.api_releases := p_release;
  v_minimum text := (select min_app_key from dbkit.api_versions where version = p_release.version);
  v_pins boolean := exists (select from dbkit.api_consumers);
  v_new record;
begin
  if p_until > p_release.counted_until then
    with calls as materialized (
      select coalesce(l.client_id, l.user_id, l.organization_id) as consumer,
        coalesce(l.app_version, '') as app, l.status_code >= 500 as failed,
        coalesce(l.duration_ms > p_release.slow_ms, false) as slow
      from dbkit.api_request_log l
      where l.logged_at >= p_release.counted_until and l.logged_at < p_until
        and l.requested_version is null
        and coalesce(l.client_id, l.user_id, l.organization_id) is not null
        and not (v_pins and exists (
          select from dbkit.api_consumers p where p.consumer in (l.client_id, l.organization_id)))
    ),
    apps as (
      select a.app
      from (select distinct app from calls) as a
      where dbkit._app_reaches(nullif(a.app, ''), v_minimum)
    )
    select
      count(*) filter (where c.is_new) as new_calls,
      count(*) filter (where c.is_new and c.failed) as new_errors,
      count(*) filter (where c.is_new and c.slow) as new_slow,
      count(*) filter (where not c.is_new) as old_calls,
      count(*) filter (where not c.is_new and c.failed) as old_errors,
      count(*) filter (where not c.is_new and c.slow) as old_slow,
      (array_agg(distinct c.consumer) filter (where c.is_new))[:3] as consumers,
      (array_agg(distinct c.consumer) filter (where c.is_new and (c.failed or c.slow)))[:3] as failing
    into v_new
    from (
      select consumer, failed, slow,
        dbkit._release_bucket(p_release.version, consumer) < p_release.share as is_new
      from calls
      where app in (select app from apps)
    ) as c;
    v_release.new_calls := v_release.new_calls + v_new.new_calls;
    v_release.new_errors := v_release.new_errors + v_new.new_errors;
    v_release.new_slow := v_release.new_slow + v_new.new_slow;
    v_release.old_calls := v_release.old_calls + v_new.old_calls;
    v_release.old_errors := v_release.old_errors + v_new.old_errors;
    v_release.old_slow := v_release.old_slow + v_new.old_slow;
    v_release.all_new_calls := v_release.all_new_calls + v_new.new_calls;
    v_release.error_evidence := dbkit._release_evidence(v_release.error_evidence,
      v_new.new_calls, v_new.new_errors, v_new.old_calls, v_new.old_errors);
    v_release.slow_evidence := dbkit._release_evidence(v_release.slow_evidence,
      v_new.new_calls, v_new.new_slow, v_new.old_calls, v_new.old_slow);
    v_release.new_consumers := array(
      select distinct c from unnest(v_release.new_consumers || v_new.consumers) as c order by c limit 3);
    v_release.failing_consumers := array(
      select distinct c from unnest(v_release.failing_consumers || v_new.failing) as c order by c limit 3);
    v_release.counted_until := p_until;
  end if;
  return v_release;
end
$$;
comment on function dbkit._count_release(dbkit.api_releases, timestamptz) is
  'A release with the calls added that were logged since it was last counted; writes nothing.';
