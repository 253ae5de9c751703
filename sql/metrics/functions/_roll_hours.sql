-- A day has 24 hours here: '1 day' has 23 or 25 where a session's time zone changes its clocks.
create or replace function dbkit._roll_hours(
  p_minutes timestamptz[],
  p_from timestamptz,
  p_until timestamptz,
  p_minutes_from timestamptz
)
returns void
language plpgsql
volatile
as $$
declare
  v_hour timestamptz;
  v_day timestamptz;
begin
  for v_hour in
    select h
    from (
      select date_bin('1 hour', m, '2000-01-01Z') from unnest(p_minutes) as m
      union
      select generate_series(date_bin('1 hour', p_from, '2000-01-01Z'), p_until, interval '1 hour')
    ) as u (h)
    where h + interval '1 hour' <= p_until
  loop
    if v_hour >= p_minutes_from then
      perform dbkit._merge_metrics(3600, 60, v_hour);
    else
      perform dbkit._roll_metrics(3600, v_hour, v_hour + interval '1 hour');
    end if;
  end loop;
  for v_day in
    select d
    from (
      select date_bin('1 day', m, '2000-01-01Z') from unnest(p_minutes) as m
      union
      select generate_series(date_bin('1 day', p_from, '2000-01-01Z'), p_until, interval '24 hours')
    ) as u (d)
    where d + interval '24 hours' <= p_until
  loop
    perform dbkit._merge_metrics(86400, 3600, v_day);
  end loop;
end
$$;
comment on function dbkit._roll_hours(timestamptz[], timestamptz, timestamptz, timestamptz) is
  'Makes the hours and days that ended in [p_from, p_until), and again those of the given minutes.';
