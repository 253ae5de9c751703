-- One narrow row a subscription: the mutex of all that happens to its deliveries. Whoever changes
-- deliveries locks this row first, several in the order of subscription_id; claim_deliveries alone skips
-- those that are locked. So deliveries need no order of locks of their own, counts are exact, and nobody
-- sleeps over a delivery that was queued meanwhile. What holds when no transaction is open:
-- in_flight = deliveries that are leased; due_at <= lease_ends_at <= end of each lease; and while
-- in_flight < send_window also due_at <= greatest(the time now, paused_until, next_attempt_at of each
-- that waits). No checks: they would be parsed at each of the many updates.
create table dbkit.event_delivery_queues (
  due_at timestamptz not null default 'infinity',
  lease_ends_at timestamptz not null default 'infinity',
  paused_until timestamptz not null default '-infinity',
  failing_since timestamptz,
  subscription_id uuid not null,
  send_window int not null default 2,
  in_flight int not null default 0,
  consecutive_failures int not null default 0,
  is_active boolean not null default true,
  organization_id text collate "C" not null,
  primary key (organization_id, subscription_id)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
comment on table dbkit.event_delivery_queues is
  'How the endpoint of each subscription is doing, and when something can next be sent to it.';
comment on column dbkit.event_delivery_queues.due_at is
  'Before then there is nothing to claim; infinity: nothing at all. It moves back with each turn, so that
all get theirs.';
comment on column dbkit.event_delivery_queues.lease_ends_at is 'Before then no lease ends.';
comment on column dbkit.event_delivery_queues.paused_until is
  'The endpoint has asked for rest (429, 502, 504, Retry-After), or has failed many times in a row.';
comment on column dbkit.event_delivery_queues.failing_since is
  'The first of the failures in a row; NULL while it answers.';
comment on column dbkit.event_delivery_queues.send_window is
  'Requests at a time now: begins at 2, grows with each success to max_in_flight, falls to 1 at a failure.';
comment on column dbkit.event_delivery_queues.in_flight is 'How many deliveries are leased.';
comment on column dbkit.event_delivery_queues.is_active is 'Whether its subscription is active.';
create index idx_event_delivery_queues_due on dbkit.event_delivery_queues (due_at) where is_active;
grant select on dbkit.event_delivery_queues to service_role, super_admin;
