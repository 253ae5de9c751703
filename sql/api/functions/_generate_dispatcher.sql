-- A generated tree cost less than EXECUTE of a stored text in a prototype (docs/adr/0003): every
-- branch is a plan that stays. It is a tree, not a list, so that 300 calls cost 9 comparisons.
-- The body is one quoted literal: a dollar quote could be closed by a name in somebody's schema.
create or replace function dbkit._generate_dispatcher()
returns void
language plpgsql
volatile
as $$
declare
  v_ids int[] := array(select rpc_id from dbkit.api_rpcs order by rpc_id);
begin
  execute format(
    $text$
create or replace function dbkit._dispatch(p_rpc_id int, p_payload jsonb)
returns jsonb
language plpgsql
volatile
as %L
    $text$, format(E'begin\n%s\n  return dbkit._dispatch_unlisted(p_rpc_id, p_payload);\nend\n',
      dbkit._dispatch_tree(v_ids, '  ')));
  comment on function dbkit._dispatch(int, jsonb) is
    'Generated from api_rpcs by _generate_dispatcher: checks role and payload, runs the handler.';
  revoke all on function dbkit._dispatch(int, jsonb) from public;
  grant execute on function dbkit._dispatch(int, jsonb)
  to anon, authenticated, service_role, super_admin;
end
$$;
comment on function dbkit._generate_dispatcher() is
  'Writes the function dbkit._dispatch from the registry. The caller holds the registry lock.';
