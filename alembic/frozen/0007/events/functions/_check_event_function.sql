create or replace function dbkit._check_event_function(
  p_what text,
  p_function text,
  p_arguments text,
  p_roles text[],
  p_may_be_volatile boolean default true
)
returns text
language plpgsql
stable
as $$
declare
  v_oid regprocedure;
  v_found record;
  v_problem text;
begin
  begin
    v_oid := to_regprocedure(case when strpos(p_function, '(') > 0 then p_function else p_function || p_arguments end);
  exception when others then
    v_oid := null;
  end;
  select p.oid, p.prokind, p.proretset, p.prorettype, p.provolatile, n.nspname, p.pronamespace,
    format('%I.%I%s', n.nspname, p.proname, p_arguments) as signature
  into v_found
  from pg_catalog.pg_proc p
  join pg_catalog.pg_namespace n on n.oid = p.pronamespace
  where p.oid = v_oid;
  v_problem := case
    when v_found.oid is null then format('it does not exist; write schema.function%s', p_arguments)
    when v_found.nspname ~ '^pg_temp' then 'a temporary function is there for one session only'
    when v_found.prokind <> 'f' or v_found.proretset or v_found.prorettype <> 'jsonb'::regtype
      or v_found.oid is distinct from to_regprocedure(v_found.signature)::oid
      then format('it must take %s and return jsonb', p_arguments)
    when not p_may_be_volatile and v_found.provolatile = 'v' then 'it must be IMMUTABLE or STABLE'
    else (
      select format('the role %s may not execute it', r)
      from unnest(p_roles) as r
      where not has_schema_privilege(r, v_found.pronamespace, 'usage')
        or not has_function_privilege(r, v_found.oid, 'execute')
      limit 1)
  end;
  if v_problem is not null then
    perform dbkit.raise_error('KD508', format('%s cannot be the %s: %s', coalesce(p_function, 'NULL'), p_what,
        v_problem), jsonb_build_object('function', p_function, 'problem', v_problem),
      'It runs with the rights of whoever reads: grant usage on schema … and execute on function … to '
      'authenticated, service_role, super_admin.');
  end if;
  return v_found.signature;
end
$$;
comment on function dbkit._check_event_function(text, text, text, text[], boolean) is
  'The full signature of a function that takes p_arguments, such as (jsonb,dbkit.event_store), returns
jsonb, and that every one of the roles may execute; else raises KD508. p_function may leave its arguments
out.';
grant execute on function dbkit._check_event_function(text, text, text, text[], boolean)
to service_role, super_admin;
