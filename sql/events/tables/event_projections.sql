create table dbkit.event_projections (
  organization_id text collate "C" not null,
  projection text collate "C" not null,
  generation int not null,
  key text collate "C" not null check (length(key) between 1 and 400),
  state jsonb not null,
  position bigint not null,
  updated_at timestamptz not null,
  primary key (organization_id, projection, generation, key)
) with (fillfactor = 80);
create index idx_event_projections_generation on dbkit.event_projections (projection, generation);
comment on table dbkit.event_projections is
  'Rows of the read models. They can be deleted and made again from the events: rebuild_projection.';
comment on column dbkit.event_projections.generation is 'Readers see the live one; a rebuild fills the next.';
comment on column dbkit.event_projections.position is 'Position of the newest event in the state.';
grant select on dbkit.event_projections to authenticated, service_role, super_admin;
