-- What "worse" can look like: an old rate, and a new one that is higher. The test is a mixture over these, so
-- no rate has to be known beforehand. Fixed for ever: evidence that is stored is in this order.
create or replace function dbkit._release_alternatives(
  out old_rates double precision[],
  out new_rates double precision[]
)
returns record
language plpgsql
immutable
as $$
begin
  select array_agg(b order by b, o), array_agg(b * o / (1 - b + b * o) order by b, o)
  into old_rates, new_rates
  from unnest(array[0.0001, 0.001, 0.003, 0.01, 0.03, 0.1, 0.25, 0.5]::double precision[]) as b
  cross join unnest(array[1.5, 2.5, 5, 15, 60]::double precision[]) as o;
end
$$;
comment on function dbkit._release_alternatives() is
  'Pairs of an old rate and a higher new one, by odds ratio, that a guarded release is tested against.';
