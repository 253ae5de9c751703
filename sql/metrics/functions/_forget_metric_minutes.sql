create or replace function dbkit._forget_metric_minutes(p_until timestamptz)
returns void
language plpgsql
volatile
as $$
declare
  v_from timestamptz := date_bin('1 hour', p_until - interval '48 hours', '2000-01-01Z');
begin
  if v_from > (select s.minutes_from from dbkit.metric_rollup_state s) then
    update dbkit.metric_rollup_state s set minutes_from = v_from;
    delete from dbkit.metric_rollups r
    where r.level = 60 and r.bucket < v_from
      and r.event_type in (select t.event_type from dbkit.metric_event_types t);
  end if;
end
$$;
comment on function dbkit._forget_metric_minutes(timestamptz) is
  'Deletes minutes older than two days, once an hour: longer whiles are read by the hour and day.';
