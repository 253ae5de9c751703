-- A metric of alert rules. What is in the status now and came there long ago was there all the time between;
-- of the past the orders that have left it since are told by their history.
create or replace function dbkit.orders_stuck_since(
  p_now timestamptz,
  p_window_minutes int,
  p_params jsonb default '{}',
  out value double precision,
  out samples bigint
)
language plpgsql
stable
as $$
declare
  v_statuses text[] := coalesce(
    (select array_agg(s.status) from jsonb_array_elements_text(p_params -> 'statuses') as s (status)),
      '{preparing}');
  v_since timestamptz := p_now - make_interval(mins => p_window_minutes);
begin
  select count(*)
  into samples
  from dbkit.orders o
  where o.status = any (v_statuses) and o.status in ('preparing', 'ready') and o.status_changed_at <= v_since;
  if p_now < dbkit.clock() - interval '1 minute' then
    samples := samples + (
      select count(*)
      from dbkit.order_status_history l
      cross join lateral (
        select b.changed_at
        from dbkit.order_status_history b
        where b.order_id = l.order_id and b.id < l.id
        order by b.id desc
        limit 1) as came
      where l.from_status = any (v_statuses) and l.from_status in ('preparing', 'ready')
        and l.changed_at > p_now and came.changed_at <= v_since);
  end if;
  value := samples::double precision;
end
$$;
comment on function dbkit.orders_stuck_since(timestamptz, int, jsonb) is
  'How many orders had, at p_now, been in a status for p_window_minutes or longer, as value and samples.
p_params: {"statuses": ["preparing", "ready"]}, one or both; default preparing. Orders that the caller may
read.';
grant execute on function dbkit.orders_stuck_since(timestamptz, int, jsonb) to service_role, super_admin;
