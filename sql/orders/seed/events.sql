select dbkit._configure_aggregate('order', 100, false, 'service');
select dbkit._register_applier('order', 'dbkit._apply_order(jsonb,dbkit.event_store)');
select dbkit._register_projection('todays_orders', 'dbkit._reduce_todays_orders(jsonb,dbkit.event_store)',
  '{OrderImported,OrderPlaced,OrderStatusChanged}', 'on_demand',
  'dbkit._todays_orders_key(dbkit.event_store)', 'Orders by store and day (UTC).', 'service');
-- down
delete from dbkit.event_projections where projection = 'todays_orders';
delete from dbkit.event_projection_definitions where projection = 'todays_orders';
delete from dbkit.event_aggregate_types where aggregate_type = 'order';
select dbkit._generate_event_functions();
