create or replace function dbkit._retry_delay(
  p_schedule int[],
  p_attempt int,
  p_retry_after_s int,
  p_random double precision
)
returns double precision
language sql
immutable
as $$
select case when p_attempt < cardinality(p_schedule)
  then greatest(p_schedule[p_attempt + 1] * (0.8 + 0.4 * p_random), p_retry_after_s) end
$$;
comment on function dbkit._retry_delay(int[], int, int, double precision) is
  'Seconds to wait after attempt p_attempt (from 1) has failed: as the schedule says, 20 % more or less as
p_random (0 to 1) wills, or what the endpoint asked for if that is longer. NULL after the last attempt.';
