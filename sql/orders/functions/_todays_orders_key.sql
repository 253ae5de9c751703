create or replace function dbkit._todays_orders_key(p_event dbkit.event_store)
returns text
language plpgsql
immutable
as $$
begin
  return format('%s/%s', p_event.event_data ->> 'day', p_event.event_data ->> 'store_id');
end
$$;
comment on function dbkit._todays_orders_key(dbkit.event_store) is
  'day/store_id, the day of the order in UTC.';
