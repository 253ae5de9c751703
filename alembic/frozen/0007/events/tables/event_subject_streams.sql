create table dbkit.event_subject_streams (
  organization_id text collate "C" not null,
  subject text collate "C" not null,
  aggregate_type text collate "C" not null,
  aggregate_id text collate "C" not null,
  primary key (organization_id, subject, aggregate_type, aggregate_id)
);
comment on table dbkit.event_subject_streams is
  'In which streams a subject occurs, so that forget_subject finds the snapshots and read models of them.';
grant select on dbkit.event_subject_streams to service_role, super_admin;
