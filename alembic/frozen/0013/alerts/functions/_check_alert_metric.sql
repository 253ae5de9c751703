create or replace function dbkit._check_alert_metric(p_metric_type text, p_function text)
returns text
language plpgsql
stable
as $$
declare
  v_types constant text := '(timestamp with time zone,integer,jsonb)';
  v_oid regprocedure;
  v_found record;
  v_problem text;
begin
  begin
    v_oid := to_regprocedure(case when strpos(p_function, '(') > 0 then p_function else p_function
      || v_types end);
  exception when others then
    v_oid := null;
  end;
  select p.oid, p.prokind, p.proretset, p.provolatile, p.pronamespace, p.proargmodes, p.proallargtypes,
    p.proargnames,
    n.nspname, format('%I.%I%s', n.nspname, p.proname, v_types) as signature
  into v_found
  from pg_catalog.pg_proc p
  join pg_catalog.pg_namespace n on n.oid = p.pronamespace
  where p.oid = v_oid;
  v_problem := case
    when (p_metric_type ~ '^[a-z][a-z0-9_]{0,62}$') is not true
      then 'the name must be snake case, at most 63 characters'
    when v_found.oid is null
      then 'the function does not exist; write schema.function, it takes ' || v_types
    when v_found.nspname ~ '^pg_temp' then 'a temporary function is there for one session only'
    when v_found.prokind <> 'f' or v_found.proretset
      or v_found.proargmodes is distinct from '{i,i,i,o,o}'::"char"[]
      or v_found.proallargtypes is distinct from array['timestamptz'::regtype::oid, 'int'::regtype::oid,
        'jsonb'::regtype::oid, 'double precision'::regtype::oid, 'bigint'::regtype::oid]
      or v_found.proargnames[4:5] is distinct from '{value,samples}'::text[]
      then format('it must take %s and return out value double precision, out samples bigint', v_types)
    when v_found.provolatile = 'v' then 'it must be STABLE: it measures, it changes nothing'
    else (
      select format('the role %s may not execute it', r)
      from unnest(array['service_role', 'super_admin']) as r
      where not has_schema_privilege(r, v_found.pronamespace, 'usage')
        or not has_function_privilege(r, v_found.oid, 'execute')
      limit 1)
  end;
  if v_problem is not null then
    perform dbkit.raise_error('KD724', format('the metric %s cannot be registered: %s', p_metric_type,
      v_problem),
      jsonb_build_object('metric_type', p_metric_type, 'function', p_function, 'problem', v_problem),
      'It runs with the rights of whoever evaluates: grant usage on schema … and execute on function … to '
      'service_role, super_admin.');
  end if;
  return v_found.signature;
end
$$;
comment on function dbkit._check_alert_metric(text, text) is
  'The full signature of a metric''s function; raises KD724 when it cannot be registered as asked.';
