create or replace function dbkit._current_schema_version(p_event_type text, p_schema_version int)
returns int
language sql
immutable
as $$
select p_schema_version
$$;
comment on function dbkit._current_schema_version(text, int) is
  'Generated from event_upcasters by _generate_event_functions: the version that _current_event_data gives.';
grant execute on function dbkit._current_schema_version(text, int)
to authenticated, service_role, super_admin;
