-- The result is compared as text: a function with other columns, or in another order, would heal something
-- else.
create or replace function dbkit._heal_function_problem(
  p_function text,
  p_arguments text,
  p_result text,
  p_volatilities text
)
returns text
language plpgsql
stable
as $$
declare
  v_oid oid;
  v_found record;
begin
  begin
    v_oid := to_regprocedure(format('%s(%s)', p_function, p_arguments));
  exception when others then
    v_oid := null;
  end;
  select p.oid, p.prokind, p.provolatile, n.nspname, n.oid as namespace, pg_get_function_result(p.oid) as result
  into v_found
  from pg_catalog.pg_proc p
  join pg_catalog.pg_namespace n on n.oid = p.pronamespace
  where p.oid = v_oid;
  return case
    when p_function ~ '^[a-z_][a-z0-9_$]*\.[a-z_][a-z0-9_$]*$' is not true
      then format('write %s as schema.function', coalesce(quote_nullable(left(p_function, 100)), 'NULL'))
    when v_found.oid is null then format('there is no function %s(%s)', p_function, p_arguments)
    when v_found.nspname ~ '^pg_temp' then 'a temporary function is there for one session only'
    when v_found.prokind <> 'f' or v_found.result <> p_result
      then format('%s must return %s, and returns %s', p_function, p_result, coalesce(v_found.result, 'nothing'))
    when strpos(p_volatilities, v_found.provolatile::text) = 0
      then format('%s must be %s', p_function,
        case p_volatilities when 'v' then 'volatile, because it changes something'
          else 'stable: it must not change anything' end)
    else (
      select format('the role %s may not execute %s', r, p_function)
      from unnest(array['service_role', 'super_admin']) as r
      where not has_schema_privilege(r, v_found.namespace, 'usage')
        or not has_function_privilege(r, v_found.oid, 'execute')
      limit 1)
  end;
end
$$;
comment on function dbkit._heal_function_problem(text, text, text, text) is
  'What is wrong with a function of a heal rule; NULL: nothing. p_volatilities: i, s, v as in pg_proc.';
