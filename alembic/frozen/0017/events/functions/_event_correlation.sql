create or replace function dbkit._event_correlation()
returns text
language sql
stable
as $$
select dbkit._context_correlation(current_setting('request.headers', true) <> '')
$$;
comment on function dbkit._event_correlation() is
  '_context_correlation where nobody has looked whether this is a request.';
grant execute on function dbkit._event_correlation() to anon, authenticated, service_role, super_admin;
