-- A window of 1 is not enough rest for an endpoint with a long queue that never answers: each delivery
-- in it would still be sent once, one after the other.
create or replace function dbkit._endpoint_rest(p_status_code int, p_retry_after_s int, p_failures int)
returns int
language sql
immutable
as $$
select greatest(
  p_retry_after_s,
  case when p_status_code in (429, 502, 504) then least(5 * 2 ^ least(p_failures - 1, 6), 300)::int end,
  case when p_failures >= 10 then least(2 ^ least(p_failures - 10, 6), 60)::int end,
  0)
$$;
comment on function dbkit._endpoint_rest(int, int, int) is
  'Seconds for which nothing more is sent to an endpoint after p_failures failures in a row, the last with
this status: what it asked for; 5 doubling to 300 after 429, 502 and 504; 1 doubling to 60 from the tenth
on.';
