-- A heartbeat of each process, for people who ask what runs. Nothing depends on it: leases have ends of
-- their own, so a worker that died without a word holds nothing for long.
create table dbkit.workers (
  worker_id uuid primary key,
  host text not null check (length(host) between 1 and 255),
  pid int not null,
  version text not null check (length(version) between 1 and 100),
  started_at timestamptz not null,
  beat_at timestamptz not null,
  stopping boolean not null default false,
  state jsonb not null
);
comment on table dbkit.workers is
  'Processes of `dbkit worker` of the last day. One that ends as it should takes its row along.';
comment on column dbkit.workers.beat_at is 'When it last showed itself; it does so every 10 s.';
comment on column dbkit.workers.stopping is 'stop_worker has asked it to stop: it hears so at its next beat.';
comment on column dbkit.workers.state is 'What it does and how much it did, as it says itself.';
grant select on dbkit.workers to service_role, super_admin;
