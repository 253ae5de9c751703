create or replace function dbkit._event_causation()
returns text
language sql
stable
as $$
select case when coalesce(current_setting('request.headers', true), '') = ''
  then nullif(current_setting('dbkit.causation_id', true), '')
  else dbkit.context_value('causation_id') end
$$;
comment on function dbkit._event_causation() is
  'causation_id of the context as one expression, which becomes part of the statement that appends.';
