create or replace function dbkit._limit_metrics(
  p_types text[],
  p_data jsonb[],
  p_keys text[],
  p_sizes int[],
  p_reasons text[],
  out data jsonb[],
  out reasons text[],
  out capped int
)
language plpgsql
volatile
as $$
declare
  v_organization text := dbkit.current_organization();
  v_pool text := case when dbkit.caller_has_role('authenticated') then 'account' else 'anon' end;
  v_hour timestamptz := date_bin('1 hour', dbkit.clock(), '2000-01-01Z');
  v_granted record;
  v_new record;
begin
  select * into v_granted
  from dbkit._grant_metric_bytes(
    coalesce((select sum(s) from unnest(p_sizes, p_reasons) as u (s, r) where r is null), 0));
  select array_agg(coalesce(u.r, case when u.used > v_granted.granted then v_granted.reason end) order by u.n)
  into reasons
  from (
    select n, r, sum(s) filter (where r is null) over (order by n) as used
    from unnest(p_sizes, p_reasons) with ordinality as i (s, r, n)) as u;
  select array_agg(u.t) as types, array_agg(u.s) as series into v_new
  from (
    select distinct i.t, dbkit._metric_series(i.d, i.k) collate "C" as s
    from unnest(p_types, p_data, p_keys, reasons) as i (t, d, k, r)
    where i.r is null and i.k is not null) as u
  where not exists (
    select from dbkit.metric_series m
    where m.organization_id = v_organization and m.pool = v_pool and m.hour = v_hour
      and m.event_type = u.t and m.series = u.s);
  data := p_data;
  capped := 0;
  if v_new.types is null then
    return;
  end if;
  perform dbkit._begin_metric_series(v_pool, v_new.types, v_new.series);
  select array_agg(case when i.over then jsonb_set(i.d, array[i.k], '"__other__"') else i.d end order by i.n),
    (count(*) filter (where i.over))::int
  into data, capped
  from (
    select u.d, u.k, u.n, u.r is null and u.k is not null and not exists (
      select from dbkit.metric_series m
      where m.organization_id = v_organization and m.pool = v_pool and m.hour = v_hour
        and m.event_type = u.t and m.series = dbkit._metric_series(u.d, u.k)) as over
    from unnest(p_types, p_data, p_keys, reasons) with ordinality as u (t, d, k, r, n)) as i;
end
$$;
comment on function dbkit._limit_metrics(text[], jsonb[], text[], int[], text[]) is
  'Quotas and the cap on series for a batch of a client: reasons for what is over, data with __other__.';
