-- Apart from the events, so that it can have a backup of its own with a shorter life: an old backup of
-- this table and one of the events together would bring a forgotten subject back. The row of a
-- forgotten subject stays, without its key: nobody can begin a new key while or after it is forgotten.
create table dbkit.event_subject_keys (
  organization_id text collate "C" not null,
  subject text collate "C" not null check (length(subject) between 1 and 200),
  key bytea check (length(key) = 32),
  created_at timestamptz not null,
  forgotten_at timestamptz,
  primary key (organization_id, subject),
  check ((key is null) = (forgotten_at is not null))
) with (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0);
comment on table dbkit.event_subject_keys is
  'The key of each person (subject) whose fields are encrypted in events. Taking it away is forgetting them.
Vacuumed as soon as one is: an updated row leaves its old text in the table until then.';
comment on column dbkit.event_subject_keys.subject is 'As events name it: a pseudonym, such as a
customer''s id.';
comment on column dbkit.event_subject_keys.key is
  '256 bits, from which the keys for encryption and authentication are derived; NULL once forgotten.';
