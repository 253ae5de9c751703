-- One table for all that gave up on an event, so that there is one place to look.
create table dbkit.event_dead_letters (
  organization_id text collate "C" not null,
  dead_letter_id bigint generated always as identity,
  source text not null check (source in ('webhook', 'group')),
  source_name text collate "C" not null,
  delivery_id bigint,
  position bigint,
  event_id uuid,
  aggregate_type text collate "C",
  aggregate_id text collate "C",
  event_type text collate "C",
  reason text not null,
  detail jsonb not null default '{}',
  status text not null default 'open' check (status in ('open', 'requeued', 'discarded', 'resolved')),
  created_at timestamptz not null,
  resolved_at timestamptz,
  resolved_by text,
  primary key (dead_letter_id, organization_id),
  check ((status = 'open') = (resolved_at is null))
);
comment on table dbkit.event_dead_letters is
  'Events that a webhook or a consumer group gave up on, until somebody requeues or discards them.';
comment on column dbkit.event_dead_letters.source is 'webhook or group.';
comment on column dbkit.event_dead_letters.source_name is 'The subscription''s id, or the group''s name.';
comment on column dbkit.event_dead_letters.delivery_id is 'Of event_delivery_log; NULL for a group.';
comment on column dbkit.event_dead_letters.status is
  'open; requeued: it was begun anew; discarded: nobody wants it; resolved: it was done in another way.';
create unique index idx_event_dead_letters_open
on dbkit.event_dead_letters (organization_id, source, source_name, coalesce(delivery_id, -position))
where status = 'open';
create index idx_event_dead_letters_status
on dbkit.event_dead_letters (organization_id, status, dead_letter_id);
create index idx_event_dead_letters_requeued
on dbkit.event_dead_letters (source_name, position)
where source = 'group' and status = 'requeued';
grant select on dbkit.event_dead_letters to service_role, super_admin;
