-- As _generate_commands. A leaf says which revision it was written for: a session may know a new
-- registration a moment before it runs the new function, and must not keep what the old handler said.
create or replace function dbkit._generate_queries()
returns void
language plpgsql
volatile
as $$
declare
  v_names text[];
  v_leaves text[];
begin
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
  from dbkit.query_definitions d;
  execute format(
    $text$
create or replace function dbkit._dispatch_query(
  p_query text,
  p_params jsonb,
  out data jsonb,
  out revision uuid
)
language plpgsql
volatile
as %L
    $text$, format(E'\nbegin\n%s  data := null;\n  revision := null;\n  perform dbkit._raise_unknown_query(p_query);\nend\n',
      dbkit._if_tree('p_query', v_names, v_leaves)));
  comment on function dbkit._dispatch_query(text, jsonb) is
    'Generated from query_definitions by _generate_queries: checks role and parameters, runs the handler.';
  revoke all on function dbkit._dispatch_query(text, jsonb) from public;
  grant execute on function dbkit._dispatch_query(text, jsonb)
  to anon, authenticated, service_role, super_admin;
end
$$;
comment on function dbkit._generate_queries() is
  'Writes the function dbkit._dispatch_query from the registry. The caller holds the registry lock.';
