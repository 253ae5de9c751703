-- The outbox. Written in the transaction that opens or closes the alert; the unique key is why nothing is
-- told twice. A notice waits until the ones before it of the same alert and channel are done.
create table dbkit.alert_notifications (
  id bigint generated always as identity primary key,
  organization_id text collate "C" not null,
  alert_id bigint not null references dbkit.alert_history (id) on delete cascade,
  transition text not null check (transition in ('triggered', 'repeated', 'resolved')),
  n int not null,
  channel text collate "C" not null,
  status text not null
    check (status in ('pending', 'leased', 'retry_wait', 'sent', 'dead', 'suppressed')),
  reason text check (reason in ('silenced', 'acknowledged', 'no_channel', 'channel_removed', 'never_told')),
  silence_id bigint,
  notice jsonb not null,
  attempts int not null default 0,
  token int not null default 0,
  leased_by text,
  next_attempt_at timestamptz not null,
  last_error text,
  created_at timestamptz not null,
  settled_at timestamptz,
  unique (alert_id, transition, n, channel),
  check ((status = 'suppressed') = (reason is not null))
);
comment on table dbkit.alert_notifications is
  'Each notice of an alert to a channel: still to send, sent, given up, or why it was not sent.';
comment on column dbkit.alert_notifications.n is '0, or the number of the repetition.';
comment on column dbkit.alert_notifications.reason is
  'Why it is not sent: silenced, acknowledged, no_channel (none of this name or kind), channel_removed,
never_told (the end of an alert whose beginning was not told there).';
comment on column dbkit.alert_notifications.notice is 'What is told, as it was then.';
comment on column dbkit.alert_notifications.token is
  'Goes up with each lease; who has an older one is refused.';
comment on column dbkit.alert_notifications.next_attempt_at is 'Or when the lease ends.';
create index idx_alert_notifications_due on dbkit.alert_notifications (next_attempt_at)
where status in ('pending', 'leased', 'retry_wait');
create index idx_alert_notifications_undone on dbkit.alert_notifications (alert_id, channel, id)
where status in ('pending', 'leased', 'retry_wait');
grant select on dbkit.alert_notifications to service_role, super_admin;
