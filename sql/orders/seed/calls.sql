-- Schemas are put together from parts, so that a shape that two calls share is written once. A title
-- stands for one shape wherever it appears: the typed client has one class for it.
do $$
declare
  v_id constant jsonb := '{"type": "integer", "minimum": 1, "maximum": 9223372036854775807}';
  v_int constant jsonb := '{"type": "integer"}';
  v_text constant jsonb := '{"type": "string"}';
  v_text_null constant jsonb := '{"type": ["string", "null"]}';
  v_flag constant jsonb := '{"type": "boolean"}';
  v_money constant jsonb := '{"type": "number", "format": "decimal"}';
  v_time constant jsonb := '{"type": "string", "format": "date-time"}';
  v_time_null constant jsonb := '{"type": ["string", "null"], "format": "date-time"}';
  v_status constant jsonb := '{"type": "string",
    "enum": ["pending", "confirmed", "preparing", "ready", "completed", "cancelled"]}';
  v_token constant jsonb := '{"type": "string", "format": "uuid",
    "pattern": "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"}';
  v_token_null constant jsonb := '{"type": ["string", "null"], "format": "uuid",
    "description": "For a guest: needed to read or cancel the order, and shown just this once."}';
  v_quantity constant jsonb := '{"type": "integer", "minimum": 1, "maximum": 999}';
  v_reason constant jsonb := '{"type": "string", "maxLength": 500}';
  v_name constant jsonb := '{"type": "string", "minLength": 1, "maxLength": 200}';
  v_phone constant jsonb := '{"type": "string", "minLength": 3, "maxLength": 40}';
  v_email constant jsonb := '{"type": "string", "minLength": 3, "maxLength": 320}';
  v_key constant jsonb := '{"type": "string", "minLength": 1, "maxLength": 200,
    "description": "The same key and payload again: the same answer, and no second write."}';
  v_option jsonb;
  v_group jsonb;
  v_item jsonb;
  v_category jsonb;
  v_line jsonb;
  v_totals jsonb;
  v_contact jsonb;
  v_history jsonb;
  v_summary jsonb;
  v_order_request jsonb;
  v_request jsonb;
begin
  -- get_menu_items
  v_request := jsonb_build_object('type', 'object', 'title', 'GetMenuItemsRequest',
    'properties', jsonb_build_object('store_id', v_id), 'additionalProperties', false);
  v_item := jsonb_build_object('type', 'object', 'title', 'MenuItemV1',
    'properties', jsonb_build_object('id', v_int, 'name', v_text, 'price', v_money, 'category', v_text),
    'required', '["id", "name", "price", "category"]'::jsonb);
  perform dbkit._register_rpc(
    p_name => 'get_menu_items', p_version => 'v1',
    p_handler => 'dbkit.rpc_v1_get_menu_items(jsonb)', p_access => 'read',
    p_request_schema => v_request,
    p_response_schema => jsonb_build_object('type', 'array', 'items', v_item),
    p_compatible_with => '{}', p_description => 'The menu as a flat list, of one store or of all.');
  v_item := jsonb_build_object('type', 'object', 'title', 'MenuItemV2',
    'properties', jsonb_build_object('id', v_int, 'name', v_text, 'description', v_text_null,
      'price', v_money, 'available', v_flag),
    'required', '["id", "name", "description", "price", "available"]'::jsonb);
  v_category := jsonb_build_object('type', 'object', 'title', 'MenuCategoryV2',
    'properties', jsonb_build_object('id', v_int, 'store_id', v_int, 'name', v_text,
      'items', jsonb_build_object('type', 'array', 'items', v_item)),
    'required', '["id", "store_id", "name", "items"]'::jsonb);
  perform dbkit._register_rpc(
    p_name => 'get_menu_items', p_version => 'v2',
    p_handler => 'dbkit.rpc_v2_get_menu_items(jsonb)', p_access => 'read',
    p_request_schema => v_request,
    p_response_schema => jsonb_build_object('type', 'object', 'title', 'MenuV2',
      'properties', jsonb_build_object(
        'categories', jsonb_build_object('type', 'array', 'items', v_category)),
      'required', '["categories"]'::jsonb),
    p_compatible_with => '{}', p_description => 'The menu by category, with availability.');
  v_option := jsonb_build_object('type', 'object', 'title', 'CustomizationSubOption',
    'properties', jsonb_build_object('id', v_int, 'name', v_text, 'price_delta', v_money,
      'available', v_flag, 'default', v_flag),
    'required', '["id", "name", "price_delta", "available", "default"]'::jsonb);
  v_group := jsonb_build_object('type', 'object', 'title', 'CustomizationSubGroup',
    'properties', jsonb_build_object('id', v_int, 'name', v_text, 'min_select', v_int,
      'max_select', v_int, 'options', jsonb_build_object('type', 'array', 'items', v_option)),
    'required', '["id", "name", "min_select", "max_select", "options"]'::jsonb);
  v_option := jsonb_build_object('type', 'object', 'title', 'CustomizationOption',
    'properties', v_option -> 'properties'
      || jsonb_build_object('customizations', jsonb_build_object('type', 'array', 'items', v_group)),
    'required', v_option -> 'required' || '["customizations"]');
  v_group := v_group || jsonb_build_object('title', 'CustomizationGroup',
    'properties', v_group -> 'properties'
      || jsonb_build_object('options', jsonb_build_object('type', 'array', 'items', v_option)));
  v_item := jsonb_build_object('type', 'object', 'title', 'MenuItemV3',
    'properties', v_item -> 'properties'
      || jsonb_build_object('customizations', jsonb_build_object('type', 'array', 'items', v_group)),
    'required', v_item -> 'required' || '["customizations"]');
  v_category := v_category || jsonb_build_object('title', 'MenuCategoryV3',
    'properties', v_category -> 'properties'
      || jsonb_build_object('items', jsonb_build_object('type', 'array', 'items', v_item)));
  perform dbkit._register_rpc(
    p_name => 'get_menu_items', p_version => 'v3',
    p_handler => 'dbkit.rpc_v3_get_menu_items(jsonb)', p_access => 'read',
    p_request_schema => v_request,
    p_response_schema => jsonb_build_object('type', 'object', 'title', 'MenuV3',
      'properties', jsonb_build_object(
        'categories', jsonb_build_object('type', 'array', 'items', v_category)),
      'required', '["categories"]'::jsonb),
    p_compatible_with => '{}',
    p_description => 'The menu by category, each item with its whole tree of customizations.');

  -- place_order
  v_line := jsonb_build_object('type', 'object', 'title', 'OrderItem',
    'properties', jsonb_build_object('item_id', '{"type": ["integer", "null"]}'::jsonb, 'name', v_text,
      'customizations', jsonb_build_object('type', 'array', 'items', jsonb_build_object(
        'type', 'object', 'title', 'ChosenOption',
        'properties', jsonb_build_object('group_id', v_int, 'group', v_text, 'option_id', v_int,
          'name', v_text, 'price_delta', v_money),
        'required', '["group_id", "group", "option_id", "name", "price_delta"]'::jsonb)),
      'unit_price', v_money, 'quantity', v_int, 'line_total', v_money),
    'required',
      '["item_id", "name", "customizations", "unit_price", "quantity", "line_total"]'::jsonb);
  v_totals := jsonb_build_object('type', 'object', 'title', 'OrderTotals',
    'properties', jsonb_build_object('subtotal', v_money, 'tax_rate', v_money, 'tax', v_money,
      'total', v_money, 'currency', v_text),
    'required', '["subtotal", "tax_rate", "tax", "total", "currency"]'::jsonb);
  perform dbkit._register_rpc(
    p_name => 'place_order', p_version => 'v1',
    p_handler => 'dbkit.rpc_v1_place_order(jsonb)', p_access => 'write',
    p_request_schema => jsonb_build_object('type', 'object', 'title', 'PlaceOrderRequestV1',
      'properties', jsonb_build_object('store_id', v_id, 'item_id', v_id, 'quantity', v_quantity,
        'customer_name', v_name, 'customer_phone', v_phone),
      'required', '["store_id", "item_id", "quantity", "customer_name", "customer_phone"]'::jsonb,
      'additionalProperties', false),
    p_response_schema => jsonb_build_object('type', 'object', 'title', 'PlacedOrderV1',
      'properties', jsonb_build_object('order_id', v_int, 'status', v_status, 'total', v_money,
        'currency', v_text, 'guest_token', v_token_null),
      'required', '["order_id", "status", "total", "currency", "guest_token"]'::jsonb),
    p_compatible_with => '{}', p_description => 'Orders one item, as a guest or on the account.');
  v_order_request := jsonb_build_object('type', 'object', 'title', 'PlaceOrderRequestV2',
    'properties', jsonb_build_object(
      'store_id', v_id,
      'items', jsonb_build_object('type', 'array', 'minItems', 1, 'maxItems', 100,
        'items', jsonb_build_object('type', 'object', 'title', 'OrderLineRequest',
          'properties', jsonb_build_object('item_id', v_id, 'quantity', v_quantity,
            'customizations', jsonb_build_object('type', 'array', 'maxItems', 100, 'items', v_id,
              'description', 'Ids of the chosen options; left out: the default options.')),
          'required', '["item_id", "quantity"]'::jsonb, 'additionalProperties', false)),
      'customer', jsonb_build_object('type', 'object', 'title', 'CustomerRequest',
        'description', 'A guest gives a name and one of phone and email; an account may leave it out.',
        'properties', jsonb_build_object('name', v_name, 'phone', v_phone, 'email', v_email),
        'additionalProperties', false),
      'idempotency_key', v_key),
    'required', '["store_id", "items"]'::jsonb, 'additionalProperties', false);
  perform dbkit._register_rpc(
    p_name => 'place_order', p_version => 'v2',
    p_handler => 'dbkit.rpc_v2_place_order(jsonb)', p_access => 'write',
    p_request_schema => v_order_request,
    p_response_schema => jsonb_build_object('type', 'object', 'title', 'PlacedOrderV2',
      'properties', jsonb_build_object('order_id', v_int, 'status', v_status, 'total', v_money,
        'currency', v_text, 'items', jsonb_build_object('type', 'array', 'items', v_line),
        'guest_token', v_token_null),
      'required', '["order_id", "status", "total", "currency", "items", "guest_token"]'::jsonb),
    p_compatible_with => '{v3}',
    p_description => 'Orders items with customizations, as a guest or on the account.');
  perform dbkit._register_rpc(
    p_name => 'place_order', p_version => 'v3',
    p_handler => 'dbkit.rpc_v3_place_order(jsonb)', p_access => 'write',
    p_request_schema => v_order_request || jsonb_build_object('title', 'PlaceOrderRequestV3',
      'properties', v_order_request -> 'properties' || jsonb_build_object(
        'source_region', '{"type": "string", "minLength": 1, "maxLength": 63}'::jsonb)),
    p_response_schema => jsonb_build_object('type', 'object', 'title', 'PlacedOrderV3',
      'properties', jsonb_build_object('order_id', v_int, 'status', v_status,
        'items', jsonb_build_object('type', 'array', 'items', v_line), 'totals', v_totals,
        'source_region', v_text_null, 'created_at', v_time, 'guest_token', v_token_null),
      'required', '["order_id", "status", "items", "totals", "source_region", "created_at",
        "guest_token"]'::jsonb),
    p_compatible_with => '{}',
    p_description => 'Orders items with customizations, tells totals and the region of the order.');

  -- get_order
  v_contact := jsonb_build_object('type', 'object', 'title', 'OrderContact',
    'properties', jsonb_build_object('name', v_text_null, 'phone', v_text_null, 'email', v_text_null),
    'required', '["name", "phone", "email"]'::jsonb);
  v_history := jsonb_build_object('type', 'array', 'items', jsonb_build_object(
    'type', 'object', 'title', 'OrderStep',
    'properties', jsonb_build_object('from_status', v_text_null, 'to_status', v_status,
      'actor', v_text, 'reason', v_text_null, 'changed_at', v_time),
    'required', '["from_status", "to_status", "actor", "reason", "changed_at"]'::jsonb));
  v_summary := jsonb_build_object('type', 'object', 'title', 'OrderV1',
    'properties', jsonb_build_object('order_id', v_int, 'status', v_status, 'total', v_money,
      'currency', v_text, 'created_at', v_time),
    'required', '["order_id", "status", "total", "currency", "created_at"]'::jsonb);
  v_request := jsonb_build_object('type', 'object', 'title', 'GetOrderRequest',
    'properties', jsonb_build_object('order_id', v_id, 'guest_token', v_token),
    'required', '["order_id"]'::jsonb, 'additionalProperties', false);
  perform dbkit._register_rpc(
    p_name => 'get_order', p_version => 'v1',
    p_handler => 'dbkit.rpc_v1_get_order(jsonb)', p_access => 'read',
    p_request_schema => v_request, p_response_schema => v_summary,
    p_compatible_with => '{}', p_description => 'Status and total of an order.');
  perform dbkit._register_rpc(
    p_name => 'get_order', p_version => 'v2',
    p_handler => 'dbkit.rpc_v2_get_order(jsonb)', p_access => 'read',
    p_request_schema => v_request,
    p_response_schema => jsonb_build_object('type', 'object', 'title', 'OrderV2',
      'properties', v_summary -> 'properties' || jsonb_build_object('store_id', v_int,
        'customer', v_contact, 'items', jsonb_build_object('type', 'array', 'items', v_line)),
      'required', v_summary -> 'required' || '["store_id", "customer", "items"]'),
    p_compatible_with => '{}', p_description => 'An order with its lines and contact.');
  perform dbkit._register_rpc(
    p_name => 'get_order', p_version => 'v3',
    p_handler => 'dbkit.rpc_v3_get_order(jsonb)', p_access => 'read',
    p_request_schema => v_request,
    p_response_schema => jsonb_build_object('type', 'object', 'title', 'OrderV3',
      'properties', jsonb_build_object('order_id', v_int, 'store_id', v_int, 'status', v_status,
        'customer', v_contact, 'items', jsonb_build_object('type', 'array', 'items', v_line),
        'totals', v_totals, 'source_region', v_text_null, 'api_version', v_text,
        'created_at', v_time, 'status_changed_at', v_time, 'completed_at', v_time_null,
        'history', v_history),
      'required', '["order_id", "store_id", "status", "customer", "items", "totals", "source_region",
        "api_version", "created_at", "status_changed_at", "completed_at", "history"]'::jsonb),
    p_compatible_with => '{}', p_description => 'An order with lines, totals, region and history.');

  -- list_orders
  v_request := jsonb_build_object('type', 'object', 'title', 'ListOrdersRequest',
    'properties', jsonb_build_object('store_id', v_id, 'status', v_status,
      'limit', '{"type": "integer", "minimum": 1, "maximum": 100, "default": 20}'::jsonb,
      'cursor', '{"type": "string", "minLength": 1, "maxLength": 300}'::jsonb),
    'additionalProperties', false);
  perform dbkit._register_rpc(
    p_name => 'list_orders', p_version => 'v1',
    p_handler => 'dbkit.rpc_v1_list_orders(jsonb)', p_access => 'read',
    p_required_role => 'authenticated', p_request_schema => v_request,
    p_response_schema => jsonb_build_object('type', 'object', 'title', 'OrderPageV1',
      'properties', jsonb_build_object(
        'orders', jsonb_build_object('type', 'array', 'items', v_summary), 'next_cursor', v_text_null),
      'required', '["orders", "next_cursor"]'::jsonb),
    p_compatible_with => '{}', p_description => 'Own orders, or those of a store for its staff.');
  v_summary := v_summary || jsonb_build_object('title', 'OrderSummaryV2',
    'properties', v_summary -> 'properties' || jsonb_build_object('store_id', v_int,
      'customer_name', v_text_null, 'item_count', v_int),
    'required', v_summary -> 'required' || '["store_id", "customer_name", "item_count"]');
  perform dbkit._register_rpc(
    p_name => 'list_orders', p_version => 'v2',
    p_handler => 'dbkit.rpc_v2_list_orders(jsonb)', p_access => 'read',
    p_required_role => 'authenticated', p_request_schema => v_request,
    p_response_schema => jsonb_build_object('type', 'object', 'title', 'OrderPageV2',
      'properties', jsonb_build_object(
        'orders', jsonb_build_object('type', 'array', 'items', v_summary), 'next_cursor', v_text_null),
      'required', '["orders", "next_cursor"]'::jsonb),
    p_compatible_with => '{}',
    p_description => 'Own orders, or those of a store for its staff, with store and customer.');
  v_summary := v_summary || jsonb_build_object('title', 'OrderSummaryV3',
    'properties', v_summary -> 'properties' || jsonb_build_object('source_region', v_text_null,
      'history', v_history),
    'required', v_summary -> 'required' || '["source_region", "history"]');
  perform dbkit._register_rpc(
    p_name => 'list_orders', p_version => 'v3',
    p_handler => 'dbkit.rpc_v3_list_orders(jsonb)', p_access => 'read',
    p_required_role => 'authenticated', p_request_schema => v_request,
    p_response_schema => jsonb_build_object('type', 'object', 'title', 'OrderPageV3',
      'properties', jsonb_build_object(
        'orders', jsonb_build_object('type', 'array', 'items', v_summary), 'next_cursor', v_text_null),
      'required', '["orders", "next_cursor"]'::jsonb),
    p_compatible_with => '{}',
    p_description => 'Own orders, or those of a store for its staff, with region and history.');

  -- update_order_status, cancel_order: one payload in all versions, so any may stand in for a newer
  v_summary := jsonb_build_object('type', 'object', 'title', 'OrderStatusChange',
    'properties', jsonb_build_object('order_id', v_int, 'previous_status', v_status,
      'status', v_status, 'status_changed_at', v_time),
    'required', '["order_id", "previous_status", "status", "status_changed_at"]'::jsonb);
  v_request := jsonb_build_object('type', 'object', 'title', 'UpdateOrderStatusRequest',
    'properties', jsonb_build_object('order_id', v_id, 'status', v_status, 'reason', v_reason,
      'idempotency_key', v_key),
    'required', '["order_id", "status"]'::jsonb, 'additionalProperties', false);
  v_order_request := jsonb_build_object('type', 'object', 'title', 'CancelOrderRequest',
    'properties', jsonb_build_object('order_id', v_id, 'guest_token', v_token, 'reason', v_reason,
      'idempotency_key', v_key),
    'required', '["order_id"]'::jsonb, 'additionalProperties', false);
  perform dbkit._register_rpc(
      p_name => 'update_order_status', p_version => version,
      p_handler => 'dbkit.rpc_v1_update_order_status(jsonb)', p_access => 'write',
      p_required_role => 'authenticated', p_request_schema => v_request,
      p_response_schema => v_summary, p_compatible_with => newer,
      p_description => 'Moves an order on, as far as the caller may.'),
    dbkit._register_rpc(
      p_name => 'cancel_order', p_version => version,
      p_handler => 'dbkit.rpc_v1_cancel_order(jsonb)', p_access => 'write',
      p_request_schema => v_order_request, p_response_schema => v_summary,
      p_compatible_with => newer,
      p_description => 'Cancels an order, as long as the caller may.')
  from (values ('v1', '{v2,v3}'::text[]), ('v2', '{v3}')) as v (version, newer);
  v_summary := v_summary || jsonb_build_object('title', 'OrderStatusChangeV3',
    'properties', v_summary -> 'properties' || jsonb_build_object('history', v_history),
    'required', v_summary -> 'required' || '["history"]');
  perform dbkit._register_rpc(
    p_name => 'update_order_status', p_version => 'v3',
    p_handler => 'dbkit.rpc_v3_update_order_status(jsonb)', p_access => 'write',
    p_required_role => 'authenticated', p_request_schema => v_request,
    p_response_schema => v_summary, p_compatible_with => '{}',
    p_description => 'Moves an order on, as far as the caller may, and tells its history.');
  perform dbkit._register_rpc(
    p_name => 'cancel_order', p_version => 'v3',
    p_handler => 'dbkit.rpc_v3_cancel_order(jsonb)', p_access => 'write',
    p_request_schema => v_order_request, p_response_schema => v_summary,
    p_compatible_with => '{}',
    p_description => 'Cancels an order, as long as the caller may, and tells its history.');
end $$;
-- down
select dbkit._unregister_rpc(call, version)
from unnest('{get_menu_items,place_order,get_order,list_orders,update_order_status,cancel_order}'::text[])
  as call
cross join unnest('{v1,v2,v3}'::text[]) as version;
