create or replace function dbkit._service_projections()
returns text[]
language sql
immutable
as $$
select '{}'::text[]
$$;
comment on function dbkit._service_projections() is
  'Generated from event_projection_definitions by _generate_event_functions: those that only the service may
read.';
grant execute on function dbkit._service_projections() to authenticated, service_role, super_admin;
