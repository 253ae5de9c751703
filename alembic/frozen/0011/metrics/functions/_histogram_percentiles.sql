-- As percentile_cont does: the value between two neighbours in rank. Each neighbour is told by the middle
-- of its bucket, so no answer is off by more than 2.44 % of the exact one, whatever the distribution.
create or replace function dbkit._histogram_percentiles(
  p_zeros bigint,
  p_indexes int[],
  p_counts bigint[],
  p_least double precision,
  p_greatest double precision,
  p_quantiles double precision[]
)
returns double precision[]
language plpgsql
immutable
as $$
declare
  v_count bigint := p_zeros + coalesce((select sum(n) from unnest(p_counts) as n), 0)::bigint;
  v_upto bigint;
  v_at int;
  v_rank double precision;
  v_pair double precision[];
  v_result double precision[] := array[]::double precision[];
begin
  foreach v_rank in array p_quantiles loop
    if v_count = 0 then
      v_result := v_result || null::double precision;
      continue;
    end if;
    v_rank := v_rank * (v_count - 1);
    v_upto := p_zeros;
    v_at := 0;
    v_pair := array[]::double precision[];
    while v_upto <= floor(v_rank) loop
      v_at := v_at + 1;
      v_upto := v_upto + p_counts[v_at];
    end loop;
    v_pair[1] := case when v_at = 0 then 0 else 1.05::float8 ^ p_indexes[v_at] * 2 / 2.05 end;
    while v_upto <= ceil(v_rank) loop
      v_at := v_at + 1;
      v_upto := v_upto + p_counts[v_at];
    end loop;
    v_pair[2] := case when v_at = 0 then 0 else 1.05::float8 ^ p_indexes[v_at] * 2 / 2.05 end;
    v_pair[1] := least(greatest(v_pair[1], p_least), p_greatest);
    v_pair[2] := least(greatest(v_pair[2], p_least), p_greatest);
    v_result := v_result || (v_pair[1] + (v_pair[2] - v_pair[1]) * (v_rank - floor(v_rank)));
  end loop;
  return v_result;
end
$$;
comment on function dbkit._histogram_percentiles(bigint, int[], bigint[], double precision, double precision,
  double precision[]) is
  'Percentiles of a histogram whose buckets are given in ascending order; NULL in each place when it is
empty.';
