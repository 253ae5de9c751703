create or replace function dbkit._service_aggregate_types()
returns text[]
language sql
immutable
as $$
select '{}'::text[]
$$;
comment on function dbkit._service_aggregate_types() is
  'Generated from event_aggregate_types by _generate_event_functions: those that only the service may use.';
grant execute on function dbkit._service_aggregate_types() to authenticated, service_role, super_admin;
