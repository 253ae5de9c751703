create or replace function dbkit._append_order_placed(
  p_order_id bigint,
  p_organization_id text,
  p_user_id text,
  p_event_type text default 'OrderPlaced'
)
returns void
language plpgsql
volatile
as $$
begin
  perform dbkit._append_events(p_organization_id, p_user_id, 'order', p_order_id::text,
    jsonb_build_array(jsonb_build_object('event_type', p_event_type,
      'event_data', dbkit._order_event(p_order_id))), 0);
end
$$;
comment on function dbkit._append_order_placed(bigint, text, text, text) is
  'Begins the stream order/<id>, in the transaction that makes the order.';
