-- Agresti and Caffo's interval: one failure and one success more on each side keep it honest near 0.
create or replace function dbkit._release_excess(
  p_new_calls bigint,
  p_new_failures bigint,
  p_old_calls bigint,
  p_old_failures bigint
)
returns double precision
language plpgsql
immutable
as $$
declare
  v_new double precision := (p_new_failures + 1)::double precision / (p_new_calls + 2);
  v_old double precision := (p_old_failures + 1)::double precision / (p_old_calls + 2);
begin
  return 100 * (v_new - v_old
    + 1.645 * sqrt(v_new * (1 - v_new) / (p_new_calls + 2) + v_old * (1 - v_old) / (p_old_calls + 2)));
end
$$;
comment on function dbkit._release_excess(bigint, bigint, bigint, bigint) is
  'By how many percentage points the new rate is above the old one at most, with 95 % confidence.';
