create or replace function dbkit._idempotency_scope()
returns text
language plpgsql
stable
as $$
begin
  return jsonb_build_array(dbkit.caller_role(), dbkit.context_value('organization_id'),
    dbkit.context_value('user_id'), dbkit.context_value('client_id'))::text;
end
$$;
comment on function dbkit._idempotency_scope() is
  'Who shares idempotency keys: the same role, organization, user and client.';
