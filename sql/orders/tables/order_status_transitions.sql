create table dbkit.order_status_transitions (
  from_status text not null
    check (from_status in ('pending', 'confirmed', 'preparing', 'ready', 'completed', 'cancelled')),
  to_status text not null
    check (to_status in ('pending', 'confirmed', 'preparing', 'ready', 'completed', 'cancelled')),
  actor text not null check (actor in ('customer', 'staff', 'manager', 'service', 'auto_heal')),
  primary key (from_status, to_status, actor),
  check (from_status <> to_status)
);
comment on table dbkit.order_status_transitions is
  'Which status may follow which, and who may say so: one row each. What has no row is refused (KD412).';
comment on column dbkit.order_status_transitions.actor is
  'customer: whose order it is, a guest with the token included; staff, manager: by user_profiles, where
manager also stands for admin and may all that staff may; service: service_role and super_admin; auto_heal:
the heal rules (what undoes them needs no row).';
grant select on dbkit.order_status_transitions to anon, authenticated;
grant select, insert, update, delete on dbkit.order_status_transitions to service_role, super_admin;
