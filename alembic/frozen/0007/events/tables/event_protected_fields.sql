create table dbkit.event_protected_fields (
  event_type text collate "C" primary key check (length(event_type) between 1 and 100),
  subject_path text[] not null check (cardinality(subject_path) > 0),
  fields jsonb not null check (jsonb_typeof(fields) = 'array'),
  sealed_fields jsonb not null check (jsonb_typeof(sealed_fields) = 'array'),
  retired_at timestamptz,
  registered_at timestamptz not null,
  registered_by text not null
);
comment on table dbkit.event_protected_fields is
  'Which fields of an event type are stored encrypted, and where in event_data the subject''s name is.';
comment on column dbkit.event_protected_fields.fields is
  'Array of paths, each an array of keys: [["customer", "name"]].';
comment on column dbkit.event_protected_fields.sealed_fields is
  'Every path that was ever in fields: where stored events may have encrypted values.';
comment on column dbkit.event_protected_fields.retired_at is
  'Since when new events are no longer encrypted; stored ones are still read. NULL while they are.';
grant select on dbkit.event_protected_fields to authenticated, service_role, super_admin;
