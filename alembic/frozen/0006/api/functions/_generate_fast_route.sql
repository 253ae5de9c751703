-- The fast routes as one literal: a function of one SQL expression is put into the plan of its caller, so a
-- call finds its route without reading a table (docs/adr/0002). The text says its own revision, for
-- switch_api_version: other sessions hear of a new function a moment after they can see new rows. It needs
-- no check of its syntax, which takes as long as all the rest.
create or replace function dbkit._generate_fast_route()
returns void
language plpgsql
volatile
set check_function_bodies = off
as $$
declare
  v_revision bigint := dbkit._routes_revision() + 1;
  v_routes jsonb := (
    select jsonb_object_agg(fast_key, jsonb_build_array(rpc_id, min_app_key, meta, v_revision))
    from dbkit.api_routes
    where fast_key is not null);
begin
  execute format(
    $text$
create or replace function dbkit._fast_route(p_key text)
returns jsonb
language sql
immutable
as %L
    $text$, format('/* %s */ select %L::jsonb -> p_key', v_revision, coalesce(v_routes, '{}')));
  comment on function dbkit._fast_route(text) is
    'Generated from api_routes by _generate_fast_route: rpc_id, min_app_key, meta and revision of a fast_key.';
  revoke all on function dbkit._fast_route(text) from public;
  grant execute on function dbkit._fast_route(text)
  to anon, authenticated, service_role, super_admin;
end
$$;
comment on function dbkit._generate_fast_route() is
  'Writes the function dbkit._fast_route from api_routes. The caller holds the registry lock.';
