-- A delivery is written three times: queued, claimed, settled. Three indexes are what that needs, and no
-- check: those would be parsed at every write, and only functions of dbkit write here, each with the
-- row of event_delivery_queues locked. The two partial indexes hold what is not done: a claim
-- costs the same whatever else is in the table.
create table dbkit.event_delivery_log (
  delivery_id bigint generated always as identity,
  position bigint,
  created_at timestamptz not null,
  next_attempt_at timestamptz not null,
  finished_at timestamptz,
  subscription_id uuid not null,
  attempts int not null default 0,
  token int not null default 0,
  replays int not null default 0,
  last_status_code int,
  last_duration_ms int,
  status text collate "C" not null default 'pending',
  organization_id text collate "C" not null,
  event_organization_id text collate "C" not null,
  webhook_id text collate "C" not null,
  stream_key text collate "C",
  leased_by text,
  last_error text,
  failures jsonb,
  primary key (delivery_id, organization_id),
  unique (organization_id, subscription_id, position)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
comment on table dbkit.event_delivery_log is
  'Each message to each subscription: what became of it, and when it is tried next.';
comment on column dbkit.event_delivery_log.position is 'Of the event; NULL for a test.';
comment on column dbkit.event_delivery_log.organization_id is 'Of the subscription.';
comment on column dbkit.event_delivery_log.event_organization_id is
  'Of the event: another one only where the subscription gets those of all.';
comment on column dbkit.event_delivery_log.status is
  'pending, leased, retry_wait; done: delivered, dead (has a row in event_dead_letters), skipped.';
comment on column dbkit.event_delivery_log.next_attempt_at is
  'When it can be claimed, infinity while one before it in its stream is not done. When leased: the
lease''s end.';
comment on column dbkit.event_delivery_log.attempts is
  'How often it was sent as far as is known: a lease that ended or was given back does not count.';
comment on column dbkit.event_delivery_log.token is
  'Raised by each claim: who settles with an older one is refused.';
comment on column dbkit.event_delivery_log.replays is 'How often it was begun anew.';
comment on column dbkit.event_delivery_log.stream_key is
  'JSON array of its stream where the subscription is ordered, else NULL.';
comment on column dbkit.event_delivery_log.leased_by is 'The worker that has or had it last.';
comment on column dbkit.event_delivery_log.failures is
  'The newest 20 failed attempts: [{attempt, at, status_code, error, duration_ms, response}].';
create index idx_event_delivery_log_waiting
on dbkit.event_delivery_log (organization_id, subscription_id, next_attempt_at, delivery_id)
where status in ('pending', 'retry_wait');
create index idx_event_delivery_log_leased
on dbkit.event_delivery_log (organization_id, subscription_id, next_attempt_at)
where status = 'leased';
create index idx_event_delivery_log_streams
on dbkit.event_delivery_log (organization_id, subscription_id, stream_key, next_attempt_at, position)
where stream_key is not null and status in ('pending', 'leased', 'retry_wait');
create index idx_event_delivery_log_created on dbkit.event_delivery_log using brin (created_at);
grant select on dbkit.event_delivery_log to service_role, super_admin;
