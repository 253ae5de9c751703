-- Which regions there are is configuration: an operator (super_admin) edits it with plain SQL. A
-- region is retired by its status and never deleted, so what was logged of it keeps its meaning.
create table dbkit.regions (
  id text primary key check (id ~ '^[a-z][a-z0-9-]{0,62}$'),
  name text not null check (length(name) between 1 and 100),
  is_primary boolean not null default false,
  is_read_replica boolean not null default false,
  status text not null default 'active' check (status in ('active', 'maintenance', 'inactive')),
  endpoint_url text check (endpoint_url ~ '^https?://\S+$' and length(endpoint_url) <= 500),
  priority int not null default 100 check (priority >= 0),
  display_group text not null default 'Other' check (length(display_group) between 1 and 100),
  timezone text check (timezone ~ '^[A-Za-z]+(/[A-Za-z0-9_+-]+){0,2}$'),
  created_at timestamptz not null default dbkit.clock(),
  constraint regions_primary_is_no_replica check (not (is_primary and is_read_replica))
);
create unique index idx_regions_primary on dbkit.regions (is_primary) where is_primary;
comment on table dbkit.regions is
  'The regions that the system runs in; everybody may read it. At most one is primary: to move it, in
one transaction first set is_primary to false on the old one, then to true on the new one.';
comment on column dbkit.regions.id is 'As the cloud names it: us-east-1.';
comment on column dbkit.regions.is_primary is 'Takes the writes. One region at most.';
comment on column dbkit.regions.is_read_replica is 'Has a copy that can be read.';
comment on column dbkit.regions.status is
  'What the operator wants: only an active region is served from or failed over to. Whether it works
is in region_health.';
comment on column dbkit.regions.endpoint_url is
  'Public address of the region''s gateway (http or https); no secrets, clients read it.';
comment on column dbkit.regions.priority is
  'Lower is preferred where health and latency do not decide.';
comment on column dbkit.regions.display_group is
  'Heading under which a list shows it: Americas, Europe.';
comment on column dbkit.regions.timezone is
  'IANA time zone at its place (Europe/Dublin), to guess the nearest from a client''s own.';
grant select on dbkit.regions to anon, authenticated, service_role, super_admin;
grant insert, update on dbkit.regions to super_admin;
