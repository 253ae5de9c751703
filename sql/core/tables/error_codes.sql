-- One row is one way to fail. Python exceptions, HTTP statuses and the table in sql/README.md are
-- generated from here, so that there is one place to look and one to change.
create table dbkit.error_codes (
  sqlstate text primary key check (sqlstate ~ '^KD[0-9]{3}$'),
  name text not null unique check (name ~ '^[a-z][a-z_]+$'),
  http_status int not null check (http_status between 400 and 599),
  summary text not null
);
comment on table dbkit.error_codes is
  'Every error that dbkit raises. Class KD: SQL leaves classes that begin with I to Z to users.';
comment on column dbkit.error_codes.name is 'Snake case; the Python exception is its CamelCase.';
comment on column dbkit.error_codes.http_status is 'Status that the gateway answers with.';
comment on column dbkit.error_codes.summary is 'What went wrong, for a person, in one sentence.';
grant select on dbkit.error_codes to anon, authenticated, service_role, super_admin;
