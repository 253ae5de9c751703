create or replace function dbkit._event_actor()
returns text
language sql
stable
as $$
select dbkit._context_actor(current_setting('request.jwt.claims', true) <> '')
$$;
comment on function dbkit._event_actor() is
  '_context_actor where nobody has looked whether this is a request.';
