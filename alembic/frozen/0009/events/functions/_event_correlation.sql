create or replace function dbkit._event_correlation()
returns text
language sql
stable
as $$
select case when coalesce(current_setting('request.headers', true), '') = ''
  then coalesce(nullif(current_setting('dbkit.correlation_id', true), ''),
    nullif(current_setting('dbkit.request_id', true), ''))
  else coalesce(dbkit.context_value('correlation_id'), dbkit.context_value('request_id')) end
$$;
comment on function dbkit._event_correlation() is
  'correlation_id of the context, else its request_id, as one expression, which becomes part of the
statement that appends.';
grant execute on function dbkit._event_correlation() to anon, authenticated, service_role, super_admin;
