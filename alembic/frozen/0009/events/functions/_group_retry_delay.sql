-- Random, so that consumers that failed together do not all come back together.
create or replace function dbkit._group_retry_delay(p_failures int, p_random double precision)
returns interval
language sql
immutable
as $$
select make_interval(secs => least(300, power(2, least(p_failures, 20) - 1)) * (0.8 + 0.4 * p_random))
$$;
comment on function dbkit._group_retry_delay(int, double precision) is
  'How long a partition waits after an event failed: 1 s, doubled by each failure up to 300 s, each 20 %
more or less by p_random (0 to 1).';
