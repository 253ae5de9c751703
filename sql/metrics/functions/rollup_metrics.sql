-- Only one at a time (an advisory lock, tried), writers never wait for it. A mark is deleted before its
-- minute is read: an event that commits in between has a mark of its own, which stays. All of it is one
-- transaction, so readers see a minute either marked or made again.
create or replace function dbkit.rollup_metrics(p_limit int default 720)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_state dbkit.metric_rollup_state;
  v_from timestamptz;
  v_until timestamptz;
  v_more boolean;
  v_dirty timestamptz[];
begin
  perform dbkit.require_service('rolling metrics up');
  if p_limit between 1 and 100000 is not true or current_setting('transaction_isolation') <> 'read committed' then
    perform dbkit.raise_error('KD004', 'p_limit must be 1 to 100000 minutes, in a transaction of READ COMMITTED',
      jsonb_build_object('argument', 'p_limit', 'value', p_limit));
  end if;
  if not pg_try_advisory_xact_lock(7011, 0) then
    return jsonb_build_object('rolled_until', null, 'minutes', 0, 'late_minutes', 0, 'more', true);
  end if;
  v_until := dbkit._metrics_settled();
  v_state := (select s from dbkit.metric_rollup_state s);
  v_from := dbkit._first_metric_since(v_state.rolled_until);
  v_until := greatest(v_state.rolled_until, v_until);
  v_from := date_bin('1 minute', least(v_from, v_until), '2000-01-01Z');
  v_more := v_from + p_limit * interval '1 minute' < v_until;
  v_until := least(v_until, v_from + p_limit * interval '1 minute');
  v_dirty := dbkit._take_dirty_minutes(v_until, p_limit);
  perform dbkit._roll_metrics(60, v_from, v_until);
  perform dbkit._roll_late_metrics(v_dirty, v_from, v_until, v_state.minutes_from);
  perform dbkit._roll_hours(
    v_dirty || case when isfinite(v_state.rolled_until) then v_state.rolled_until else v_from end, v_from, v_until,
    v_state.minutes_from);
  update dbkit.metric_rollup_state s set rolled_until = v_until, rolled_at = clock_timestamp();
  perform dbkit._forget_metric_minutes(v_until);
  return jsonb_build_object('rolled_until', v_until,
    'minutes', ceil(extract(epoch from v_until - v_from) / 60)::int,
    'late_minutes', cardinality(v_dirty), 'more', v_more or exists (
      select from dbkit.metric_rollup_dirty d where d.minute < v_until));
end
$$;
comment on function dbkit.rollup_metrics(int) is
  'Brings the roll-ups of metrics up to what is 10 s old (or as old as the oldest open transaction that
wrote some), and makes those of late events again; at most p_limit minutes of each. A task of workers; for
more than one run at a time there is nothing to do.
Returns {rolled_until timestamptz?, minutes int, late_minutes int, more boolean}.
Needs service_role. Raises KD003, KD004.';
grant execute on function dbkit.rollup_metrics(int) to service_role, super_admin;
