-- A whole btree index whose columns are the order, or the order backward; before them may come columns that a
-- filter or a policy fixes. NULLs stand where the statement puts them: see _list_order_by.
create or replace function dbkit._has_list_index(p_source regclass, p_order jsonb, p_fixed text[])
returns boolean
language plpgsql
stable
as $$
declare
  v_count int := jsonb_array_length(p_order);
  v_columns text[] := array(select o ->> 0 from jsonb_array_elements(p_order) as o);
  v_options int[] := array(
    select case when not (o -> 1)::boolean then 0 when (o -> 2)::boolean then 1 else 3 end
    from jsonb_array_elements(p_order) as o);
begin
  return exists (
    select
    from pg_catalog.pg_index i
    join pg_catalog.pg_class c on c.oid = i.indexrelid
    cross join lateral (
      select array_agg(a.attname::text order by k.n) as names,
        array_agg(i.indoption[k.n - 1]::int order by k.n) as options,
        bool_and(a.attname is not null and (i.indcollation[k.n - 1] in (0, a.attcollation))) as plain
      from generate_series(1, i.indnkeyatts::int) as k (n)
      left join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[k.n - 1]
    ) as x
    cross join generate_series(0, 3) as skipped
    where i.indrelid = p_source and i.indisvalid and i.indpred is null and x.plain
      and c.relam = (select m.oid from pg_catalog.pg_am m where m.amname = 'btree')
      and x.names[skipped + 1:skipped + v_count] = v_columns
      and (p_fixed is null or x.names[:skipped] <@ p_fixed)
      and (x.options[skipped + 1:skipped + v_count] = v_options
        or x.options[skipped + 1:skipped + v_count] = array(select 3 - o from unnest(v_options) as o)));
end
$$;
comment on function dbkit._has_list_index(regclass, jsonb, text[]) is
  'Whether an index of the table serves an order of _list_order. p_fixed: columns that may come before
it in the index; NULL: any.';
