create or replace function dbkit._register_platform_figures(p_name text, p_function text)
returns void
language plpgsql
volatile
as $$
declare
  v_oid regprocedure;
  v_problem text;
begin
  begin
    v_oid := to_regprocedure(p_function);
  exception when others then
    v_oid := null;
  end;
  v_problem := case
    when p_name ~ '^[a-z][a-z0-9_]{0,62}$' is not true then 'the name must be snake case, at most 63 characters'
    when v_oid is null then format('the function %s does not exist; write schema.function()', left(p_function, 200))
    when not exists (
      select from pg_proc p
      where p.oid = v_oid and p.prokind = 'f' and p.proretset and p.pronargs = 0
        and p.proallargtypes = array['text'::regtype, 'jsonb'::regtype, 'float8'::regtype, 'text'::regtype]::oid[])
      then 'it must take no arguments and return table (text, jsonb, double precision, text)'
    when not has_function_privilege('service_role', v_oid, 'execute') then 'service_role may not execute it'
  end;
  if v_problem is not null then
    perform dbkit.raise_error('KD705', format('the figures %s cannot be registered: %s', left(p_name, 100), v_problem),
      jsonb_build_object('name', left(p_name, 100), 'problem', v_problem));
  end if;
  insert into dbkit.metric_figures (name, function_signature)
  select p_name, format('%I.%I()', n.nspname, p.proname)
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace
  where p.oid = v_oid
  on conflict (name) do update set function_signature = excluded.function_signature;
end
$$;
comment on function dbkit._register_platform_figures(text, text) is
  'What register_platform_figures does, for seeds. Raises KD705.';
