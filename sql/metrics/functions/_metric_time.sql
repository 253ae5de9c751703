create or replace function dbkit._metric_time(p_text text)
returns timestamptz
language plpgsql
stable
as $$
begin
  return p_text::timestamptz;
exception when data_exception then
  return null;
end
$$;
comment on function dbkit._metric_time(text) is
  'A time, or NULL for what is none; slow, so only asked for once there is one.';
