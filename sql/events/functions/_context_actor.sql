create or replace function dbkit._context_actor(p_is_request boolean)
returns text
language sql
stable
as $$
select case when p_is_request then dbkit.context_value('user_id')
  else nullif(current_setting('dbkit.user_id', true), '') end
$$;
comment on function dbkit._context_actor(boolean) is
  'user_id of the context, as one expression, which becomes part of the statement that
appends. p_is_request: what _is_request says.';
