create or replace function dbkit._check_worker_task(p_task text, p_function text, p_every_seconds int)
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
    -- Without arguments the first would raise before PostgreSQL 16.
    v_oid := case when strpos(p_function, '(') > 0 then to_regprocedure(p_function)
      else to_regproc(p_function)::oid::regprocedure end;
  exception when others then
    v_oid := null;
  end;
  select p.oid, p.proname, p.prokind, p.proretset, p.pronargs - p.pronargdefaults as needed, p.pronamespace,
    n.nspname,
    (select count(*) from pg_catalog.pg_proc o
      where o.proname = p.proname and o.pronamespace = p.pronamespace) as namesakes,
    (select string_agg(format_type(t, null), ',' order by n) from unnest(p.proargtypes) with ordinality as a (t, n))
      as types
  into v_found
  from pg_catalog.pg_proc p
  join pg_catalog.pg_namespace n on n.oid = p.pronamespace
  where p.oid = v_oid;
  v_problem := case
    when p_task ~ '^[a-z][a-z0-9_]{0,62}$' is not true
      then 'the name must be snake case, at most 63 characters'
    when p_every_seconds between 1 and 31536000 is not true then 'it runs every 1 to 31536000 seconds'
    when v_found.oid is null then format('the function %s does not exist; write schema.function()', p_function)
    when v_found.nspname ~ '^pg_temp' then 'a temporary function is there for one session only'
    when v_found.prokind <> 'f' or v_found.proretset or v_found.needed > 0
      then 'it must be a function that can be called without arguments and returns one value or none'
    when v_found.namesakes > 1 then format('there are several functions %s: it must be the only one', v_found.proname)
    else (
      select format('the role %s may not execute it', r)
      from unnest(array['service_role', 'super_admin']) as r
      where not has_schema_privilege(r, v_found.pronamespace, 'usage')
        or not has_function_privilege(r, v_found.oid, 'execute')
      limit 1)
  end;
  if v_problem is not null then
    perform dbkit.raise_error('KD006', format('the task %s cannot be registered: %s', p_task, v_problem),
      jsonb_build_object('task', p_task, 'function', p_function, 'problem', v_problem),
      'It runs with the rights of the worker: grant usage on schema … and execute on function … to '
      'service_role, super_admin.');
  end if;
  return format('%I.%I(%s)', v_found.nspname, v_found.proname, v_found.types);
end
$$;
comment on function dbkit._check_worker_task(text, text, int) is
  'The full signature of a task''s function; raises KD006 when the task cannot be registered as asked.';
