create or replace function dbkit._event_actor()
returns text
language sql
stable
as $$
select case when coalesce(current_setting('request.jwt.claims', true), '') = ''
  then nullif(current_setting('dbkit.user_id', true), '')
  else dbkit.context_value('user_id') end
$$;
comment on function dbkit._event_actor() is
  'user_id of the context as one expression, which becomes part of the statement that appends.';
