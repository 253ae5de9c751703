create or replace function dbkit._take_dirty_minutes(p_until timestamptz, p_limit int)
returns timestamptz[]
language sql
volatile
as $$
with taken as (
  delete from dbkit.metric_rollup_dirty d
  where d.minute in (
    select distinct f.minute from dbkit.metric_rollup_dirty f where f.minute < p_until order by 1 limit p_limit)
  returning d.minute
)
select coalesce(array_agg(distinct t.minute), '{}') from taken t
$$;
comment on function dbkit._take_dirty_minutes(timestamptz, int) is
  'Takes the marks of the oldest marked minutes.';
