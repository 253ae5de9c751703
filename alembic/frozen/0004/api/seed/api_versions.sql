-- The version matrix of the global gateway report (S0). An operator's later changes stay.
insert into dbkit.api_versions (version, min_app_version, description)
values
  ('v1', '1.0.0', 'Basic CRUD, guest checkout'),
  ('v2', '1.2.0', 'Items array, feature flags'),
  ('v3', '1.4.0', 'Region tracking, enhanced metrics')
on conflict (version) do nothing;
insert into dbkit.active_api_version (id, current_version, fallback_version)
values (1, 'v2', 'v1')
on conflict (id) do nothing;
-- down
-- The rows go with their tables.
