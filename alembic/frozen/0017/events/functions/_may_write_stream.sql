-- The role that most services have set is looked at first: caller_has_role costs as much as a statement.
create or replace function dbkit._may_write_stream(p_aggregate_type text)
returns boolean
language sql
stable
as $$
select p_aggregate_type <> all (dbkit._service_aggregate_types()) or current_setting('role') = 'service_role'
  or dbkit.caller_has_role('service_role')
$$;
comment on function dbkit._may_write_stream(text) is
  'Whether the caller may append to streams of the type, as one expression, which becomes part of the
statement that appends.';
