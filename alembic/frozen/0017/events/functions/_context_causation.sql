create or replace function dbkit._context_causation(p_is_request boolean)
returns text
language sql
stable
as $$
select case when p_is_request then dbkit.context_value('causation_id')
  else nullif(current_setting('dbkit.causation_id', true), '') end
$$;
comment on function dbkit._context_causation(boolean) is
  'causation_id of the context, as one expression, which becomes part of the statement that
appends. p_is_request: what _is_request says.';
