-- As _generate_commands. A leaf says which revision it was written for: a session may know a new
-- registration a moment before it runs the new function, and must not keep what the old handler said.
-- Two functions: what PL/pgSQL has prepared under one search_path it prepares anew under another, so one
-- that both a caller and a definer function run would cost several times as much. That of the definer
-- (_find_answer) has the shared queries alone, because it runs their handlers with the owner's rights, and
-- makes their plans as any session does.
create or replace function dbkit._generate_queries()
returns void
language plpgsql
volatile
as $$
declare
  v_is_shared boolean;
  v_names text[];
  v_leaves text[];
begin
  foreach v_is_shared in array '{false,true}'::boolean[] loop
    select coalesce(array_agg(d.query order by d.query), '{}'), array_agg(
      case when d.required_role is not null then format(
        E'    if not dbkit.caller_has_role(%L) then\n'
        '      perform dbkit._raise_forbidden(%L, p_query, %L);\n    end if;\n',
        d.required_role, 'query', d.required_role) else '' end
      || format(
        E'    if (%s and pg_column_size(p_params) <= 65536) is not true then\n'
        '      perform dbkit._raise_invalid_query(p_query, p_params);\n    end if;\n',
        dbkit._json_check(d.params_schema, 'p_params'))
      || format(E'    revision := %L;\n    data := %s(p_params);\n    return;\n', d.revision,
        left(d.handler_signature, -length('(jsonb)')))
      order by d.query)
    into v_names, v_leaves
    from dbkit.query_definitions d
    where not v_is_shared or d.vary <> 'user';
    execute format(
      $text$
create or replace function dbkit.%I(
  p_query text,
  p_params jsonb,
  out data jsonb,
  out revision uuid
)
language plpgsql
volatile
%s
as %L
      $text$, case when v_is_shared then '_dispatch_shared_query' else '_dispatch_query' end,
      case when v_is_shared then 'set plan_cache_mode = auto set enable_seqscan = on' else '' end,
      format(E'\nbegin\n%s  data := null;\n  revision := null;\n  perform dbkit._raise_unknown_query(p_query);\nend\n',
        dbkit._if_tree('p_query', v_names, v_leaves)));
  end loop;
  comment on function dbkit._dispatch_query(text, jsonb) is
    'Generated from query_definitions by _generate_queries: checks role and parameters, runs the handler.';
  comment on function dbkit._dispatch_shared_query(text, jsonb) is
    'Generated from query_definitions by _generate_queries: as _dispatch_query, for answers that are shared.';
  revoke all on function dbkit._dispatch_query(text, jsonb), dbkit._dispatch_shared_query(text, jsonb) from public;
  grant execute on function dbkit._dispatch_query(text, jsonb)
  to anon, authenticated, service_role, super_admin;
end
$$;
comment on function dbkit._generate_queries() is
  'Writes the functions dbkit._dispatch_query and _dispatch_shared_query from the registry. The caller holds
the registry lock.';
