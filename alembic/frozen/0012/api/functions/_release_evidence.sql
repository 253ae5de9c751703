-- A safe test for two proportions (Turner, Ly, Grünwald, 2021). For a block of calls and one alternative the
-- ratio below has an expectation of at most 1 when both versions fail alike, whatever that rate is and
-- however it changes from block to block. So does the mean of the products, and by Ville's inequality it ever
-- reaches 1/a with a chance of at most a: one may look after each block and stop at will. A comparison of
-- rates at each look has no such bound. Exact in small samples: no normal approximation.
create or replace function dbkit._release_evidence(
  p_evidence double precision[],
  p_new_calls bigint,
  p_new_failures bigint,
  p_old_calls bigint,
  p_old_failures bigint
)
returns double precision[]
language plpgsql
immutable
as $$
declare
  v_old double precision[];
  v_new double precision[];
  v_calls double precision := (p_new_calls + p_old_calls)::double precision;
begin
  if p_new_calls = 0 or p_old_calls = 0 then
    return p_evidence;
  end if;
  select a.old_rates, a.new_rates into v_old, v_new from dbkit._release_alternatives() as a;
  return (
    select array_agg(e.before
        + p_new_failures * ln(e.n / e.both) + (p_new_calls - p_new_failures) * ln((1 - e.n) / (1 - e.both))
        + p_old_failures * ln(e.o / e.both) + (p_old_calls - p_old_failures) * ln((1 - e.o) / (1 - e.both))
      order by e.k)
    from (
      select k, before, n, o, (p_new_calls * n + p_old_calls * o) / v_calls as both
      from unnest(p_evidence, v_new, v_old) with ordinality as u (before, n, o, k)
    ) as e
  );
end
$$;
comment on function dbkit._release_evidence(double precision[], bigint, bigint, bigint, bigint) is
  'The evidence after one more block of calls that were made at the same time; each block counts once.';
