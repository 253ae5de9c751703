create table dbkit.api_consumers (
  consumer text primary key check (length(consumer) between 1 and 200),
  pinned_version text not null references dbkit.api_versions (version),
  reason text not null default '',
  pinned_by text not null default session_user,
  pinned_at timestamptz not null default clock_timestamp()
);
comment on table dbkit.api_consumers is
  'Consumers held at a version. A consumer is a client_id, or else an organization_id.';
grant select on dbkit.api_consumers to service_role, super_admin;
