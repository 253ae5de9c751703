create or replace function dbkit._check_registration(
  p_name text,
  p_version text,
  p_handler text,
  p_access text,
  p_required_role text,
  p_compatible_with text[]
)
returns text
language plpgsql
stable
as $$
declare
  v_handler record;
  v_problem text;
begin
  perform dbkit._require_version(p_version);
  select p.*, n.nspname into v_handler
  from pg_catalog.pg_proc p
  join pg_catalog.pg_namespace n on n.oid = p.pronamespace
  where p.oid = to_regprocedure(p_handler);
  v_problem := case
    when p_name is null or p_name !~ '^[a-z][a-z0-9_]{0,62}$'
      then 'the name must be snake case, at most 63 characters'
    when p_access is null or p_access not in ('read', 'write') then 'access is read or write'
    when v_handler.oid is null
      then format('the handler %s does not exist; write schema.function(jsonb)', p_handler)
    when v_handler.prokind <> 'f' or v_handler.proretset
      or v_handler.prorettype <> 'jsonb'::regtype
      or v_handler.proargtypes[0] is distinct from 'jsonb'::regtype or v_handler.pronargs <> 1
      then format('the handler %s must take one jsonb and return jsonb', p_handler)
    when p_access = 'read' and v_handler.provolatile = 'v'
      then format('a read must be STABLE or IMMUTABLE, and %s is VOLATILE', p_handler)
    when not has_function_privilege(dbkit.caller_role(), v_handler.oid, 'execute')
      then format('%s may not execute %s', dbkit.caller_role(), p_handler)
    when p_required_role is not null
      and not exists (select from pg_catalog.pg_roles where rolname = p_required_role)
      then format('the role %s does not exist', p_required_role)
    when exists (
      select from unnest(p_compatible_with) as c
      where c is null or not exists (
        select from dbkit.api_versions newer join dbkit.api_versions own on own.version = p_version
        where newer.version = c and newer.ordinal > own.ordinal)
    ) then format('compatible_with must name versions newer than %s', p_version)
  end;
  if v_problem is not null then
    perform dbkit.raise_error('KD108', format('%s (%s) cannot be registered: %s', p_name, p_version,
        v_problem), jsonb_build_object('rpc', p_name, 'version', p_version, 'handler', p_handler),
      'The comment of dbkit.register_rpc says what a call needs.');
  end if;
  return format('%I.%I(jsonb)', v_handler.nspname, v_handler.proname);
end
$$;
comment on function dbkit._check_registration(text, text, text, text, text, text[]) is
  'The handler''s full signature, or KD102 or KD108 when the call cannot be registered as asked.';
