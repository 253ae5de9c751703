-- What clients say of themselves, for adoption and capacity. No right and no route depends on it,
-- because any client can write any client_id.
create table dbkit.client_region_telemetry (
  client_id text not null check (length(client_id) between 1 and 200),
  region_id text not null references dbkit.regions (id),
  app_name text check (length(app_name) between 1 and 100),
  app_version text check (length(app_version) between 1 and 100),
  api_version text check (length(api_version) between 1 and 20),
  request_count bigint not null default 1 check (request_count > 0),
  first_seen_at timestamptz not null,
  last_seen_at timestamptz not null,
  constraint client_region_telemetry_pkey primary key (client_id)
) with (fillfactor = 80);
create index idx_client_telemetry_region on dbkit.client_region_telemetry (region_id);
create index idx_client_telemetry_app on dbkit.client_region_telemetry (app_name, app_version);
comment on table dbkit.client_region_telemetry is
  'Each client''s region, app and API version as it last said them, with how often it was seen.';
comment on column dbkit.client_region_telemetry.client_id is
  'Made by the client, for example web_1764…; not proof of anything.';
comment on column dbkit.client_region_telemetry.request_count is
  'Calls of register_client_region for this client.';
grant select on dbkit.client_region_telemetry to service_role, super_admin;
