-- A guest has no row rights: this is the one door, and the token its key. Hashes are compared, so the
-- time that the comparison takes tells nothing about the token.
create or replace function dbkit._guest_order_document(p_order_id bigint, p_guest_token text)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  return (
    select dbkit._order_document(o.id)
    from dbkit.orders o
    where o.id = p_order_id
      and o.guest_token_hash = sha256(convert_to(lower(p_guest_token), 'UTF8'))
  );
end
$$;
comment on function dbkit._guest_order_document(bigint, text) is
  'As _order_document, for whoever has the token that place_order gave to a guest; NULL for a wrong one.';
grant execute on function dbkit._guest_order_document(bigint, text)
to anon, authenticated, service_role, super_admin;
