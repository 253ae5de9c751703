create or replace function dbkit._add_delivery_letter(
  p_delivery dbkit.event_delivery_log,
  p_detail jsonb default '{}'
)
returns void
language plpgsql
volatile
as $$
begin
  perform dbkit._add_dead_letter(p_delivery.organization_id, 'webhook', p_delivery.subscription_id::text,
    p_delivery.position, p_delivery.delivery_id, p_delivery.last_error,
    jsonb_build_object('webhook_id', p_delivery.webhook_id, 'attempts', p_delivery.attempts,
      'status_code', p_delivery.last_status_code) || p_detail);
end
$$;
comment on function dbkit._add_delivery_letter(dbkit.event_delivery_log, jsonb) is
  'The dead letter of a delivery that has just died.';
