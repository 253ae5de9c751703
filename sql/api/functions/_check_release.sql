create or replace function dbkit._check_release(
  p_version text,
  p_share numeric,
  p_guards text[],
  p_min_samples int,
  p_max_minutes int,
  p_steps numeric[],
  p_step_minutes int,
  p_margin numeric,
  p_false_alarm_rate numeric,
  p_slow_ms numeric
)
returns void
language plpgsql
stable
as $$
declare
  v_shares numeric[] := p_share || p_steps;
  v_problem text := case
    when p_share is null or p_share not between 0.01 and 99 then 'p_share is 0.01 to 99 per cent'
    when p_steps is null or cardinality(p_steps) > 20 or array_position(p_steps, null) is not null
      or (select bool_or(s not between 0.01 and 99 or s <= before) from (
        select s, lag(s) over (order by n) as before from unnest(v_shares) with ordinality as u (s, n)) as x)
      then 'p_steps are at most 20 growing shares up to 99 per cent, all larger than p_share'
    when cardinality(p_guards) is null or cardinality(p_guards) = 0
      or not p_guards <@ array['error_rate', 'latency']
      then 'p_guard is error_rate, latency, or error_rate,latency'
    when p_min_samples is null or p_min_samples not between 20 and 1000000
      then 'p_min_samples is 20 to 1000000 calls'
    when p_step_minutes is null or p_step_minutes not between 1 and 10080
      then 'p_step_minutes is 1 to 10080'
    when p_max_minutes is null or p_max_minutes > 100000
      or p_max_minutes < p_step_minutes::bigint * cardinality(v_shares)
      then 'p_max_minutes is at least p_step_minutes for each share, and at most 100000'
    when p_margin is null or p_margin not between 0.1 and 50 then 'p_margin is 0.1 to 50 percentage points'
    when p_false_alarm_rate is null or p_false_alarm_rate not between 0.0001 and 0.2
      then 'p_false_alarm_rate is 0.0001 to 0.2'
    when p_slow_ms not between 0.001 and 86400000 then 'p_slow_ms is 0.001 to 86400000 milliseconds'
  end;
begin
  perform dbkit._require_version(p_version);
  if v_problem is not null then
    perform dbkit.raise_error('KD115', v_problem,
      jsonb_build_object('argument', split_part(v_problem, ' ', 1)),
      'For example: select begin_release(''v3'', 5, p_steps => ''{25,50}'');');
  end if;
end
$$;
comment on function dbkit._check_release(
  text, numeric, text[], int, int, numeric[], int, numeric, numeric, numeric) is
  'Raises KD102, or KD115 for the first argument of begin_release that is not acceptable.';
