insert into dbkit.order_status_transitions (from_status, to_status, actor)
values
  ('pending', 'confirmed', 'staff'),
  ('pending', 'confirmed', 'service'),
  ('pending', 'cancelled', 'customer'),
  ('pending', 'cancelled', 'staff'),
  ('pending', 'cancelled', 'service'),
  ('confirmed', 'preparing', 'staff'),
  ('confirmed', 'preparing', 'service'),
  ('confirmed', 'cancelled', 'customer'),
  ('confirmed', 'cancelled', 'staff'),
  ('confirmed', 'cancelled', 'service'),
  ('preparing', 'ready', 'staff'),
  ('preparing', 'ready', 'service'),
  ('preparing', 'cancelled', 'manager'),
  ('preparing', 'cancelled', 'service'),
  ('ready', 'completed', 'staff'),
  ('ready', 'completed', 'service'),
  ('ready', 'cancelled', 'manager'),
  ('ready', 'cancelled', 'service'),
  ('preparing', 'ready', 'auto_heal'),
  ('ready', 'completed', 'auto_heal')
on conflict do nothing;
-- down
delete from dbkit.order_status_transitions;
