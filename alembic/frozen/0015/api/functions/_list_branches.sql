-- What lies behind a row, as conditions that exclude each other and that an index serves one by one:
-- never an OR over columns, which reads the list from its start. Neighbours that go the same way and are
-- never NULL are one comparison of rows, so a usual order has one branch. The values are ($1)[n], never
-- text of the statement.
create or replace function dbkit._list_branches(p_order jsonb, p_backward boolean, p_nulls boolean[])
returns text[]
language plpgsql
immutable
as $$
declare
  v_count int := jsonb_array_length(p_order);
  v_branches text[] := array[]::text[];
  v_equal text := '';
  v_first int := 1;
  v_last int;
  v_down boolean;
  v_column text;
begin
  while v_first <= v_count loop
    v_down := (p_order -> (v_first - 1) -> 1)::boolean <> p_backward;
    v_last := v_first;
    if (p_order -> (v_first - 1) -> 2)::boolean then
      v_column := format('t.%I', p_order -> (v_first - 1) ->> 0);
      if p_nulls[v_first] is not true then
        v_branches := v_branches || format('%s%s %s ($1)[%s]::%s', v_equal, v_column,
          case when v_down then '<' else '>' end, v_first, p_order -> (v_first - 1) ->> 3);
      end if;
      if p_nulls[v_first] is true and p_backward then
        v_branches := v_branches || format('%s%s is not null', v_equal, v_column);
      elsif p_nulls[v_first] is not true and not p_backward then
        v_branches := v_branches || format('%s%s is null', v_equal, v_column);
      end if;
    else
      while v_last < v_count and not (p_order -> v_last -> 2)::boolean
        and (p_order -> v_last -> 1)::boolean = (p_order -> (v_first - 1) -> 1)::boolean
      loop
        v_last := v_last + 1;
      end loop;
      v_branches := v_branches || (
        select format('%s(%s) %s (%s)', v_equal,
          string_agg(format('t.%I', p_order -> (n - 1) ->> 0), ', ' order by n),
          case when v_down then '<' else '>' end,
          string_agg(format('($1)[%s]::%s', n, p_order -> (n - 1) ->> 3), ', ' order by n))
        from generate_series(v_first, v_last) as n);
    end if;
    v_equal := v_equal || (
      select string_agg(
        case when p_nulls[n] is true then format('t.%I is null and ', p_order -> (n - 1) ->> 0)
          else format('t.%I = ($1)[%s]::%s and ', p_order -> (n - 1) ->> 0, n, p_order -> (n - 1) ->> 3) end,
        '' order by n)
      from generate_series(v_first, v_last) as n);
    v_first := v_last + 1;
  end loop;
  return v_branches;
end
$$;
comment on function dbkit._list_branches(jsonb, boolean, boolean[]) is
  'SQL conditions that together select what comes after a row in an order (before it: p_backward).
p_nulls says which of the row''s values, ($1)[1] and so on, are NULL.';
grant execute on function dbkit._list_branches(jsonb, boolean, boolean[])
to anon, authenticated, service_role, super_admin;
