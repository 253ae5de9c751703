-- A commit shows its rows a moment before it tells other sessions that a function has changed: a call
-- may know the route of a new registration and still run the old dispatcher. It must not fail then.
create or replace function dbkit._dispatch_unlisted(p_rpc_id int, p_payload jsonb)
returns jsonb
language plpgsql
volatile
as $$
declare
  v_rpc dbkit.api_rpcs;
  v_schema text;
  v_function text;
  v_data jsonb;
begin
  select * into v_rpc from dbkit.api_rpcs where rpc_id = p_rpc_id;
  if not found then
    perform dbkit.raise_error('KD101', 'the call was unregistered meanwhile',
      jsonb_build_object('rpc_id', p_rpc_id), 'Call again: an older version may serve it now.');
  elsif v_rpc.required_role is not null and not dbkit.caller_has_role(v_rpc.required_role) then
    perform dbkit._raise_forbidden_call(p_rpc_id);
  elsif exists (select from dbkit.validate_json(v_rpc.request_schema, p_payload)) then
    perform dbkit._raise_invalid_payload(p_rpc_id, p_payload);
  end if;
  select n.nspname::text, p.proname::text into v_schema, v_function
  from pg_catalog.pg_proc p
  join pg_catalog.pg_namespace n on n.oid = p.pronamespace
  where p.oid = v_rpc.handler_signature::regprocedure;
  execute format('select %I.%I($1)', v_schema, v_function) into v_data using p_payload;
  return v_data;
end
$$;
comment on function dbkit._dispatch_unlisted(int, jsonb) is
  'Runs a call that the dispatcher does not list (yet), with the same checks; KD101 when it is gone.';
grant execute on function dbkit._dispatch_unlisted(int, jsonb)
to anon, authenticated, service_role, super_admin;
