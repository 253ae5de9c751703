create or replace function dbkit._context_correlation(p_is_request boolean)
returns text
language sql
stable
as $$
select case when p_is_request
  then coalesce(dbkit.context_value('correlation_id'), dbkit.context_value('request_id'))
  else coalesce(nullif(current_setting('dbkit.correlation_id', true), ''),
    nullif(current_setting('dbkit.request_id', true), '')) end
$$;
comment on function dbkit._context_correlation(boolean) is
  'correlation_id of the context, else its request_id, as one expression, which becomes part of the
statement that appends. p_is_request: what _is_request says.';
grant execute on function dbkit._context_correlation(boolean)
to anon, authenticated, service_role, super_admin;
