-- What the version matrix (S0) names as features of ordering. An operator's later changes stay.
insert into dbkit.feature_flags (feature, min_api_version, description)
values
  ('guest_checkout', 'v1', 'Order without an account'),
  ('items_array', 'v2', 'Several items in one order'),
  ('customizations', 'v2', 'Options of an item, with their prices'),
  ('region_tracking', 'v3', 'The region that an order came from'),
  ('nested_customizations', 'v3', 'The whole tree of options in the menu'),
  ('idempotent_orders', 'v3', 'An order sent twice is placed once'),
  ('order_history', 'v3', 'Every status that an order went through')
on conflict (feature) do nothing;
-- down
delete from dbkit.feature_flags
where feature in ('guest_checkout', 'items_array', 'customizations', 'region_tracking',
  'nested_customizations', 'idempotent_orders', 'order_history');
