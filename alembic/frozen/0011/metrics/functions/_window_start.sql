-- A window that begins within a minute would have to read that minute's events one by one, for every rule.
create or replace function dbkit._window_start(p_now timestamptz, p_window_minutes int)
returns timestamptz
language plpgsql
stable
as $$
begin
  if p_window_minutes between 1 and 576000 is not true or isfinite(p_now) is not true then
    perform dbkit.raise_error('KD004', 'a window has 1 to 576000 minutes and ends at a time',
      jsonb_build_object('argument', 'p_window_minutes', 'value', p_window_minutes));
  end if;
  return date_bin('1 minute', p_now - p_window_minutes * interval '1 minute', '2000-01-01Z');
end
$$;
comment on function dbkit._window_start(timestamptz, int) is
  'The beginning of the minute that lies p_window_minutes before p_now. Raises KD004.';
