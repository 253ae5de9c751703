create table dbkit.installation (
  fact text primary key
    check (fact in ('default_privileges_changed', 'search_path_changed')),
  value boolean not null
);
comment on table dbkit.installation is
  'What the first revision changed outside the schema, so that the downgrade can put it back.';
grant select on dbkit.installation to service_role, super_admin;
