create or replace function dbkit._raise_invalid_payload(p_rpc_id int, p_payload jsonb)
returns void
language plpgsql
stable
as $$
declare
  v_rpc dbkit.api_rpcs;
  v_errors jsonb;
begin
  select * into v_rpc from dbkit.api_rpcs where rpc_id = p_rpc_id;
  select jsonb_agg(to_jsonb(e) order by e.path)
  into v_errors
  from (select * from dbkit.validate_json(v_rpc.request_schema, p_payload) limit 20) as e;
  perform dbkit.raise_error(
    'KD105',
    format('%s (%s): "%s" %s', v_rpc.name, v_rpc.version,
      coalesce(nullif(ltrim(v_errors #>> '{0,path}', '/'), ''), 'payload'), v_errors #>> '{0,message}'),
    jsonb_build_object('rpc', v_rpc.name, 'version', v_rpc.version,
      'field', ltrim(v_errors #>> '{0,path}', '/'), 'errors', v_errors),
    format('The schema: select request_schema from dbkit.api_rpcs where name = %L and version = %L;',
      v_rpc.name, v_rpc.version));
end
$$;
comment on function dbkit._raise_invalid_payload(int, jsonb) is
  'Raises KD105 with each field (JSON Pointer) that breaks the call''s schema, 20 at most.';
grant execute on function dbkit._raise_invalid_payload(int, jsonb)
to anon, authenticated, service_role, super_admin;
