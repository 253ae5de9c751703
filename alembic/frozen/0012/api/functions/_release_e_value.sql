create or replace function dbkit._release_e_value(p_evidence double precision[])
returns double precision
language plpgsql
immutable
as $$
declare
  v_most double precision := (select max(e) from unnest(p_evidence) as e);
begin
  return v_most + (select ln(avg(exp(greatest(e - v_most, -700)))) from unnest(p_evidence) as e);
end
$$;
comment on function dbkit._release_e_value(double precision[]) is
  'Natural logarithm of the mean likelihood ratio: beyond ln(1/a) the new version is worse, with a chance of
at most a to say so wrongly, ever.';
