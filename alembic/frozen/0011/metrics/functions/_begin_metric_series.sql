-- The lock makes the cap exact; it is tried, not waited for: what is new while another's transaction adds
-- series goes to __other__ this once.
create or replace function dbkit._begin_metric_series(p_pool text, p_types text[], p_series text[])
returns void
language plpgsql
volatile
as $$
declare
  v_organization text := dbkit.current_organization();
  v_hour timestamptz := date_bin('1 hour', dbkit.clock(), '2000-01-01Z');
  v_cap int := (select s.max_series from dbkit.metric_settings s);
begin
  if not pg_try_advisory_xact_lock(hashtextextended('dbkit.metric_series ' || p_pool || v_organization, 0)) then
    return;
  end if;
  insert into dbkit.metric_series (organization_id, pool, hour, event_type, series)
  select v_organization, p_pool, v_hour, n.event_type, n.series
  from (
    select g.event_type, g.series,
      row_number() over (partition by g.event_type order by g.series) + (
        select count(*) from dbkit.metric_series s
        where s.organization_id = v_organization and s.pool = p_pool and s.hour = v_hour
          and s.event_type = g.event_type) as number
    from (select distinct t as event_type, s as series from unnest(p_types, p_series) as u (t, s)) as g
    where not exists (
      select from dbkit.metric_series s
      where s.organization_id = v_organization and s.pool = p_pool and s.hour = v_hour
        and s.event_type = g.event_type and s.series = g.series)
  ) as n
  where n.number <= v_cap
  on conflict do nothing;
end
$$;
comment on function dbkit._begin_metric_series(text, text[], text[]) is
  'Adds the series that are new in this hour, as far as there is room for them.';
