-- STABLE and IMMUTABLE functions cannot write (Postgres refuses it), so a rebuild that calls a reducer for
-- every event of the past does nothing but compute. STRICT would never be called: the first state is NULL.
create or replace function dbkit._pure_function(
  p_projection text,
  p_what text,
  p_function text,
  p_arguments text,
  p_result text
)
returns text
language plpgsql
stable
as $$
declare
  v_oid regprocedure;
  v_function record;
  v_problem text;
begin
  begin
    v_oid := to_regprocedure(
      case when strpos(p_function, '(') > 0 then p_function else p_function || p_arguments end);
  exception when others then
    -- Not the text of a signature.
    v_oid := null;
  end;
  select p.oid, p.prokind, p.proretset, p.prorettype, p.provolatile, p.proisstrict, p.proname, n.nspname
  into v_function
  from pg_catalog.pg_proc p
  join pg_catalog.pg_namespace n on n.oid = p.pronamespace
  where p.oid = v_oid;
  v_problem := case
    when v_function.oid is null then 'does not exist'
    when v_function.prokind <> 'f' or v_function.proretset or v_function.prorettype <> to_regtype(p_result)
      or v_function.oid is distinct from to_regprocedure(
        format('%I.%I%s', v_function.nspname, v_function.proname, p_arguments))
      then format('must take %s and return %s', p_arguments, p_result)
    when v_function.provolatile = 'v' then 'is VOLATILE: it must be STABLE or IMMUTABLE'
    when v_function.proisstrict and p_what = 'reducer' then 'is STRICT, and the first state is NULL'
    when v_function.nspname ~ '^pg_temp' then 'is of this session only'
    when not has_function_privilege(current_user, v_function.oid, 'execute')
      then format('cannot be executed by %s, who owns dbkit', current_user)
  end;
  if v_problem is not null then
    perform dbkit.raise_error('KD508', format('the projection %s cannot be registered: the %s %s %s',
        p_projection, p_what, p_function, v_problem),
      jsonb_build_object('projection', p_projection, p_what, p_function),
      format('Write schema.function%s; the comment of dbkit.register_projection says what it needs.', p_arguments));
  end if;
  return format('%I.%I%s', v_function.nspname, v_function.proname, p_arguments);
end
$$;
comment on function dbkit._pure_function(text, text, text, text, text) is
  'The full signature of a function that a projection may call, or KD508. p_function may leave its arguments
out.';
