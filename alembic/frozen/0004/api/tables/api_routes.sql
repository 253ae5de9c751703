-- Resolution worked out beforehand: a call reads the first row that its client and the clock allow,
-- by one index. Derived from api_rpcs and api_versions by _refresh_api_routes, never edited.
create table dbkit.api_routes (
  name text not null,
  explicit boolean not null,
  asked text not null,
  rank int not null,
  rpc_id int not null,
  version text not null,
  access text not null,
  min_app_key text collate "C" not null,
  below_app_key text collate "C",
  sunset_at timestamptz,
  brownouts tstzmultirange,
  meta jsonb not null,
  fast_key text collate "C" unique,
  primary key (name, explicit, asked, rank)
);
comment on table dbkit.api_routes is
  'For a call and an asked version the versions that may serve it, best first.';
comment on column dbkit.api_routes.explicit is
  'Whether the client named the version (then its payload is of that version), or pin or pointer did.';
comment on column dbkit.api_routes.min_app_key is 'Semver key that the client''s app must reach.';
comment on column dbkit.api_routes.below_app_key is
  'Where the next generation of apps begins: those are not of this row; NULL: no upper end. A client that
does not say its version counts as newest.';
comment on column dbkit.api_routes.meta is 'The meta object of the answer, ready to send.';
comment on column dbkit.api_routes.fast_key is
  'name, a blank (a * where the client named no version), asked: only on a first choice that is a read
without a date of end, so that nothing but min_app_key is left to check.';
grant select on dbkit.api_routes to anon, authenticated, service_role, super_admin;
