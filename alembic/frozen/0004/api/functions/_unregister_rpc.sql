create or replace function dbkit._unregister_rpc(p_name text, p_version text)
returns boolean
language plpgsql
volatile
as $$
begin
  perform dbkit._lock_registry();
  delete from dbkit.api_rpcs where name = p_name and version = p_version;
  if not found then
    return false;
  end if;
  perform dbkit._refresh_api_routes(p_name);
  perform dbkit._generate_dispatcher();
  return true;
end
$$;
comment on function dbkit._unregister_rpc(text, text) is
  'What unregister_rpc does after it checked the caller; migrations call it on the way down.';
