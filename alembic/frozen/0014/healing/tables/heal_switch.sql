-- One row. Runs share it, whoever switches waits for them: when that is done, no healing is under way.
create table dbkit.heal_switch (
  is_only boolean primary key default true check (is_only),
  enabled boolean not null,
  changed_at timestamptz not null default dbkit.clock(),
  changed_by text not null,
  reason text check (length(reason) <= 500)
);
comment on table dbkit.heal_switch is
  'Whether anything is healed at all: one row, set by set_healing_enabled.';
comment on column dbkit.heal_switch.changed_by is 'The login.';
grant select on dbkit.heal_switch to service_role, super_admin;
