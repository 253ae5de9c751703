create or replace function dbkit._event_organization()
returns text
language sql
stable
as $$
select case when coalesce(current_setting('request.jwt.claims', true), '') = ''
  then coalesce(nullif(current_setting('dbkit.organization_id', true), ''), 'default')
  else dbkit.current_organization() end
$$;
comment on function dbkit._event_organization() is
  'current_organization as one expression, which becomes part of the statement that appends.';
