create or replace function dbkit._pack_histogram(p_indexes int[], p_counts bigint[])
returns int[]
language plpgsql
immutable
as $$
declare
  v_first int := (select min(x) from unnest(p_indexes) as x);
  v_last int := (select max(x) from unnest(p_indexes) as x);
  v_packed int[];
  v_at int;
begin
  if v_first is null then
    return null;
  end if;
  v_packed := array_fill(0, array[v_last - v_first + 1]);
  for n in 1 .. cardinality(p_indexes) loop
    v_at := p_indexes[n] - v_first + 1;
    v_packed[v_at] := v_packed[v_at] + p_counts[n]::int;
  end loop;
  return v_packed;
end
$$;
comment on function dbkit._pack_histogram(int[], bigint[]) is
  'Counts of log buckets, from the lowest to the highest of them; NULL when there are none.';
