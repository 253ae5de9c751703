create table dbkit.event_subject_receipts (
  receipt_id uuid primary key,
  organization_id text collate "C" not null,
  subject_hash bytea not null,
  key_hash bytea not null,
  events bigint not null,
  streams bigint not null,
  projections text[] not null,
  reason text not null,
  forgotten_at timestamptz not null,
  forgotten_by text not null,
  unique (organization_id, subject_hash)
);
comment on table dbkit.event_subject_receipts is
  'Proof that a subject was forgotten, without naming them. Never changed.';
comment on column dbkit.event_subject_receipts.subject_hash is 'sha256 of organization and subject.';
comment on column dbkit.event_subject_receipts.key_hash is 'sha256 of the key that was destroyed.';
comment on column dbkit.event_subject_receipts.events is 'How many events had encrypted fields of the
subject.';
comment on column dbkit.event_subject_receipts.projections is
  'Projections that read such events and had to be rebuilt, as their rows may have held plain text.';
grant select on dbkit.event_subject_receipts to service_role, super_admin;
