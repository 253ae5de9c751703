create or replace function dbkit.rebuild_metric_rollups(p_from timestamptz, p_to timestamptz)
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_marked int;
begin
  perform dbkit.require_service('rebuilding roll-ups');
  if (isfinite(p_from) and isfinite(p_to) and p_from >= '2000-01-01Z'
    and p_to between '2000-01-01Z' and '2200-01-01Z'
    and p_from < p_to and p_from > p_to - interval '400 days') is not true
  then
    perform dbkit.raise_error('KD004', 'p_from must lie before p_to, by at most 400 days',
      jsonb_build_object('argument', 'p_from', 'value', p_from));
  end if;
  insert into dbkit.metric_rollup_dirty (minute)
  select distinct date_bin('1 minute', m.created_at, '2000-01-01Z')
  from dbkit.runtime_metrics m
  where m.created_at >= p_from and m.created_at < p_to
    and m.created_at < (select s.rolled_until from dbkit.metric_rollup_state s);
  get diagnostics v_marked = row_count;
  return v_marked;
end
$$;
comment on function dbkit.rebuild_metric_rollups(timestamptz, timestamptz) is
  'Has the roll-ups of the events in [p_from, p_to) made again by rollup_metrics, for after a bulk load or a
step back of the server''s clock; until then these minutes are read from the events. Returns how many minutes.
Needs service_role. Raises KD003, KD004.';
grant execute on function dbkit.rebuild_metric_rollups(timestamptz, timestamptz) to service_role, super_admin;
