create or replace function dbkit._apply_order(p_state jsonb, p_event dbkit.event_store)
returns jsonb
language plpgsql
immutable
as $$
begin
  return case p_event.event_type
    when 'OrderStatusChanged' then p_state || jsonb_build_object(
      'status', p_event.event_data -> 'to_status', 'status_changed_at', p_event.created_at)
    when 'OrderPlaced' then p_event.event_data
    when 'OrderImported' then p_event.event_data
    else p_state end;
end
$$;
comment on function dbkit._apply_order(jsonb, dbkit.event_store) is
  'State of an order: event_data of OrderPlaced with the newest status.';
grant execute on function dbkit._apply_order(jsonb, dbkit.event_store)
to authenticated, service_role, super_admin;
