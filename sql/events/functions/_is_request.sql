create or replace function dbkit._is_request()
returns boolean
language sql
stable
as $$
select current_setting('request.jwt.claims', true) <> '' or current_setting('request.headers', true) <> ''
$$;
comment on function dbkit._is_request() is
  'Whether PostgREST has set claims or headers, which context_value reads; NULL or false without.';
