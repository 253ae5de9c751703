create or replace function dbkit._readable_order(p_payload jsonb)
returns jsonb
language plpgsql
stable
as $$
declare
  v_order_id bigint := (p_payload ->> 'order_id')::bigint;
  v_document jsonb;
begin
  if dbkit.caller_has_role('authenticated') then
    v_document := dbkit._order_document(v_order_id);
  end if;
  if v_document is null and p_payload ->> 'guest_token' is not null then
    v_document := dbkit._guest_order_document(v_order_id, p_payload ->> 'guest_token');
  end if;
  if v_document is null then
    perform dbkit._raise_unknown_order(v_order_id);
  end if;
  return v_document;
end
$$;
comment on function dbkit._readable_order(jsonb) is
  'The order of a payload {order_id, guest_token?} as _order_document gives it. Raises KD401 when there is
none that the caller may read.';
grant execute on function dbkit._readable_order(jsonb)
to anon, authenticated, service_role, super_admin;
