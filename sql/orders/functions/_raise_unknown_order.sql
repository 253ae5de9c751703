-- One answer for "does not exist", "not yours" and "wrong token", to the letter: the difference
-- would tell a stranger which numbers are orders.
create or replace function dbkit._raise_unknown_order(p_order_id bigint)
returns void
language plpgsql
stable
as $$
begin
  perform dbkit.raise_error('KD401', format('there is no order %s', coalesce(p_order_id::text, 'null')),
    jsonb_build_object('field', 'order_id', 'order_id', p_order_id),
    'A guest''s order needs the guest_token that place_order returned.');
end
$$;
comment on function dbkit._raise_unknown_order(bigint) is 'Raises KD401.';
grant execute on function dbkit._raise_unknown_order(bigint)
to anon, authenticated, service_role, super_admin;
