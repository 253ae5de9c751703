-- UNLOGGED, and not only because that is faster: after a crash positions that were drawn and not written
-- are drawn again, and an answer that is older than it says must not survive that. A standby has none.
create table dbkit.query_cache (
  organization_id text collate "C" not null,
  query text collate "C" not null,
  params_hash bytea not null,
  caller_role text collate "C" not null,
  user_id text collate "C" not null,
  revision uuid not null,
  data jsonb,
  position bigint not null,
  generations text collate "C",
  computed_at timestamptz not null,
  expires_at timestamptz not null,
  duration_ms double precision not null,
  computations bigint not null,
  hits bigint not null,
  primary key (organization_id, query, params_hash, caller_role, user_id)
) with (fillfactor = 80);
alter table dbkit.query_cache set unlogged;
comment on table dbkit.query_cache is
  'Answers of queries. One is used while nothing that it depends on has an event after its position; that is
looked up each time, so nothing has to be deleted when events come.';
comment on column dbkit.query_cache.params_hash is
  'sha256 of the parameters and of settings that change what a handler says, see _answer_key.';
comment on column dbkit.query_cache.caller_role is
  'Role that it was computed for; empty where all of the organization share it.';
comment on column dbkit.query_cache.user_id is 'User that it was computed for; empty where users share it.';
comment on column dbkit.query_cache.position is
  'safe_position before it was computed, or less where a projection that it reads had come less far.';
comment on column dbkit.query_cache.generations is
  'Generations of the projections that it was computed from; NULL where it reads none.';
comment on column dbkit.query_cache.duration_ms is 'How long it took to compute, in milliseconds.';
comment on column dbkit.query_cache.computations is 'How often it was computed since it is there.';
comment on column dbkit.query_cache.hits is
  'How often it was used; counted in about one of 100 calls, by 100.';
grant select on dbkit.query_cache to super_admin;
