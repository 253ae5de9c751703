-- The one way an order comes to be: v1, v2 and v3 bring their payloads into this form, so the tables
-- cannot tell them apart but for api_version. SECURITY DEFINER, because nobody may write orders; so
-- everything is checked here again, whoever calls.
create or replace function dbkit._place_order(p_order jsonb)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_store dbkit.stores;
  v_lines jsonb;
  v_user_id text := case when dbkit.caller_has_role('authenticated')
    then dbkit.context_value('user_id') end;
  v_contact jsonb;
  v_customer dbkit.customers;
  v_guest_token text;
  v_subtotal numeric;
  v_tax numeric;
  v_order_id bigint;
begin
  v_store := dbkit._open_store((p_order ->> 'store_id')::bigint);
  if jsonb_typeof(p_order -> 'items') is distinct from 'array'
    or jsonb_array_length(p_order -> 'items') not between 1 and 100
    or p_order @? 'strict $.items[*] ? (@.type() != "object")'
  then
    perform dbkit.raise_error('KD415', 'an order needs 1 to 100 lines, each an object',
      '{"field": "items"}', 'A line is {"item_id": 1, "quantity": 2, "customizations": [3]}.');
  end if;
  select jsonb_agg(dbkit._price_order_line(v_store.id, l.line, 'items/' || l.nth - 1) order by l.nth)
  into v_lines
  from jsonb_array_elements(p_order -> 'items') with ordinality as l (line, nth);
  select sum((l ->> 'line_total')::numeric) into v_subtotal from jsonb_array_elements(v_lines) l;
  v_tax := round(v_subtotal * v_store.tax_rate, 2);
  if v_subtotal + v_tax > 9999999999.99 then
    perform dbkit.raise_error('KD416', 'the total is larger than an order can hold',
      jsonb_build_object('total', v_subtotal + v_tax, 'maximum', 9999999999.99));
  end if;

  v_contact := dbkit._order_contact(p_order -> 'customer', v_user_id is null);
  v_customer := dbkit._own_customer(v_store.organization_id, v_user_id, v_contact);
  if v_user_id is null then
    v_guest_token := gen_random_uuid()::text;
  end if;
  insert into dbkit.orders (organization_id, store_id, customer_id, user_id, guest_token_hash,
    customer_name, customer_phone, customer_email, currency, tax_rate, subtotal, tax, total,
    source_region, api_version)
  values (v_store.organization_id, v_store.id, v_customer.id, v_user_id,
    sha256(convert_to(v_guest_token, 'UTF8')), coalesce(v_contact ->> 'name', v_customer.name),
    coalesce(v_contact ->> 'phone', v_customer.phone),
    coalesce(v_contact ->> 'email', v_customer.email),
    v_store.currency, v_store.tax_rate, v_subtotal, v_tax, v_subtotal + v_tax,
    dbkit._order_region(p_order ->> 'source_region'), p_order ->> 'api_version')
  returning id into v_order_id;
  insert into dbkit.order_items (order_id, position, menu_item_id, name, customizations, unit_price,
    quantity, line_total)
  select v_order_id, l.nth, r.menu_item_id, r.name, r.customizations, r.unit_price, r.quantity, r.line_total
  from jsonb_array_elements(v_lines) with ordinality as l (line, nth)
  cross join lateral jsonb_populate_record(null::dbkit.order_items, l.line) as r;
  insert into dbkit.order_status_history (order_id, to_status, actor, user_id)
  values (v_order_id, 'pending',
    case when v_user_id is null and dbkit.caller_has_role('service_role') then 'service'
      else 'customer' end,
    v_user_id);
  perform dbkit._append_order_placed(v_order_id, v_store.organization_id, v_user_id);
  return dbkit._order_document(v_order_id) || jsonb_build_object('guest_token', v_guest_token);
end
$$;
comment on function dbkit._place_order(jsonb) is
  'Makes an order of {api_version, store_id, items: [{item_id, quantity, customizations?}], customer?: {name,
phone, email}, source_region?} and returns it as _order_document does, with guest_token for a guest.
Prices come from the menu: unit price = item + price_delta of each option, never below 0; line = unit
price * quantity, exact; subtotal = sum of the lines; tax = round(subtotal * tax_rate of the store, 2),
half up and once an order, not a line; total = subtotal + tax.
Appends OrderPlaced to the stream order/<id>.
Without customizations a line takes the default options; with them, just those listed.
A user (role authenticated and user_id in the context) orders on their account; anyone else as a guest.
Raises KD402 to KD411, KD414, KD415, KD416.';
grant execute on function dbkit._place_order(jsonb)
to anon, authenticated, service_role, super_admin;
