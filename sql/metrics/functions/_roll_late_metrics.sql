create or replace function dbkit._roll_late_metrics(
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
  v_minute timestamptz;
begin
  foreach v_minute in array p_minutes loop
    if v_minute < p_from and v_minute >= p_minutes_from then
      perform dbkit._roll_metrics(60, v_minute, least(v_minute + interval '1 minute', p_until));
    end if;
  end loop;
end
$$;
comment on function dbkit._roll_late_metrics(timestamptz[], timestamptz, timestamptz, timestamptz) is
  'Makes the given minutes again, but for those from p_from on and those that are kept by the hour only.';
