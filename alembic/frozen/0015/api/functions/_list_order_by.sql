-- NULLs are last both ways, and first when read backward. A column that is never NULL gets no such
-- clause: the planner would not use its index then.
create or replace function dbkit._list_order_by(p_order jsonb, p_backward boolean, p_alias text)
returns text
language plpgsql
immutable
as $$
begin
  return (
    select string_agg(
      format('%s.%I', p_alias, o.term ->> 0)
        || case when (o.term -> 1)::boolean <> p_backward then ' desc' else '' end
        || case when not (o.term -> 2)::boolean then '' when p_backward then ' nulls first' else ' nulls last' end,
      ', ' order by o.n)
    from jsonb_array_elements(p_order) with ordinality as o (term, n)
  );
end
$$;
comment on function dbkit._list_order_by(jsonb, boolean, text) is
  'SQL: the ORDER BY list of an order, or of its reverse.';
grant execute on function dbkit._list_order_by(jsonb, boolean, text)
to anon, authenticated, service_role, super_admin;
