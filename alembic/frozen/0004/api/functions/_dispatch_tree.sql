create or replace function dbkit._dispatch_tree(p_ids int[], p_indent text)
returns text
language plpgsql
stable
as $$
declare
  v_half int := cardinality(p_ids) / 2;
  v_rpc dbkit.api_rpcs;
  v_check text;
begin
  if cardinality(p_ids) = 0 then
    return '';
  elsif cardinality(p_ids) > 1 then
    return format(E'%sif p_rpc_id <= %s then\n%s\n%selse\n%s\n%send if;', p_indent, p_ids[v_half],
      dbkit._dispatch_tree(p_ids[:v_half], p_indent || '  '), p_indent,
      dbkit._dispatch_tree(p_ids[v_half + 1:], p_indent || '  '), p_indent);
  end if;
  select * into v_rpc from dbkit.api_rpcs where rpc_id = p_ids[1];
  v_check := dbkit._json_check(v_rpc.request_schema, 'p_payload');
  return format('%sif p_rpc_id = %s then', p_indent, v_rpc.rpc_id)
    || case when v_rpc.required_role is not null then format(
        E'\n%s  if not dbkit.caller_has_role(%L) then\n%s    perform '
        'dbkit._raise_forbidden_call(p_rpc_id);\n%s  end if;', p_indent, v_rpc.required_role, p_indent,
        p_indent) else '' end
    || case when v_check <> 'true' then format(
        E'\n%s  if (%s) is not true then\n%s    perform '
        'dbkit._raise_invalid_payload(p_rpc_id, p_payload);\n%s  end if;', p_indent, v_check, p_indent, p_indent) else '' end
    || format(E'\n%s  return %s(p_payload);\n%send if;', p_indent,
        left(v_rpc.handler_signature, -length('(jsonb)')), p_indent);
end
$$;
comment on function dbkit._dispatch_tree(int[], text) is
  'PL/pgSQL text: a binary tree of IFs over rpc_id with one leaf for each of the given calls.';
