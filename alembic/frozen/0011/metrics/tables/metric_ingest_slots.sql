-- A quota is several rows with a part of it each, taken with SKIP LOCKED: callers never wait for each
-- other, and the sum is exact. Fixed in number: a flood of made-up senders makes no rows.
create table dbkit.metric_ingest_slots (
  pool text collate "C" not null check (pool in ('anon', 'account', 'sender')),
  slot int not null,
  minute timestamptz not null default '-infinity',
  used bigint not null default 0,
  primary key (pool, slot)
) with (fillfactor = 50);
comment on table dbkit.metric_ingest_slots is 'Bytes that clients sent in a minute, by parts of each quota.';
grant select on dbkit.metric_ingest_slots to service_role, super_admin;
