-- The row's lock makes the bound exact: whoever comes later adds to what is there. Who waited for it may have
-- read the clock in the window before; they take of the row's window then, never of one that is over.
create or replace function dbkit._take_rate_tokens(
  p_consumer text,
  p_call text,
  p_max_calls int,
  p_window_seconds int,
  p_want int
)
returns dbkit.api_rate_windows
language plpgsql
volatile
as $$
declare
  v_window dbkit.api_rate_windows;
begin
  insert into dbkit.api_rate_windows as w (consumer, call, window_seconds, window_start, taken, granted)
  values (p_consumer, p_call, p_window_seconds, to_timestamp(
      floor(extract(epoch from dbkit.clock()) / p_window_seconds) * p_window_seconds),
    least(p_want, p_max_calls), least(p_want, p_max_calls))
  on conflict (consumer, call, window_seconds) do update
  set window_start = greatest(w.window_start, excluded.window_start),
    taken = case when w.window_start < excluded.window_start then 0 else w.taken end
      + greatest(0, least(p_want,
        p_max_calls - case when w.window_start < excluded.window_start then 0 else w.taken end)),
    granted = greatest(0, least(p_want,
      p_max_calls - case when w.window_start < excluded.window_start then 0 else w.taken end))
  returning * into v_window;
  return v_window;
end
$$;
comment on function dbkit._take_rate_tokens(text, text, int, int, int) is
  'Takes up to p_want calls of the current window, in all p_max_calls at most; granted says how many.';
