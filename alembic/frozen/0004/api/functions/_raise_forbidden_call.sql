create or replace function dbkit._raise_forbidden_call(p_rpc_id int)
returns void
language plpgsql
stable
as $$
declare
  v_rpc dbkit.api_rpcs;
begin
  select * into v_rpc from dbkit.api_rpcs where rpc_id = p_rpc_id;
  perform dbkit.raise_error(
    'KD003',
    format('%s needs the role %s, and %s does not have it', v_rpc.name, v_rpc.required_role,
      dbkit.caller_role()),
    jsonb_build_object('rpc', v_rpc.name, 'required_role', v_rpc.required_role,
      'caller_role', dbkit.caller_role()),
    'Sign in, or call as a role that has these rights.');
end
$$;
comment on function dbkit._raise_forbidden_call(int) is
  'Raises KD003 for a call whose required_role the caller does not have.';
grant execute on function dbkit._raise_forbidden_call(int)
to anon, authenticated, service_role, super_admin;
