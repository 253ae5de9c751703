create or replace function dbkit._check_rate_limit(
  p_consumer text,
  p_call text,
  p_max_calls int,
  p_window_seconds int
)
returns void
language plpgsql
stable
as $$
declare
  v_problem text := case
    when (length(p_consumer) between 1 and 200 and p_consumer !~ '[[:cntrl:]]') is not true
      then 'consumer must have 1 to 200 printable characters'
    when (p_call ~ '^(\*|[a-z][a-z0-9_]{0,62})$') is not true then 'call must be the name of a call, or *'
    when (p_max_calls between 0 and 1000000000) is not true then 'max_calls must be 0 to 1000000000'
    when (p_window_seconds between 1 and 2678400) is not true
      then 'window_seconds must be 1 to 2678400 (31 days)' end;
begin
  if v_problem is not null then
    perform dbkit.raise_error('KD126', v_problem, jsonb_build_object('field', split_part(v_problem, ' ', 1)));
  end if;
end
$$;
comment on function dbkit._check_rate_limit(text, text, int, int) is 'Raises KD126 for what is no limit.';
