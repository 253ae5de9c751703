create or replace function dbkit._event_causation()
returns text
language sql
stable
as $$
select dbkit._context_causation(current_setting('request.headers', true) <> '')
$$;
comment on function dbkit._event_causation() is
  '_context_causation where nobody has looked whether this is a request.';
