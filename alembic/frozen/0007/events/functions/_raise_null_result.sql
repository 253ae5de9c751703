-- A NULL is nearly always a mistake, such as jsonb_set with a NULL value, and would lose the whole
-- state.
create or replace function dbkit._raise_null_result(p_function text, p_event jsonb)
returns jsonb
language plpgsql
volatile
as $$
begin
  perform dbkit.raise_error('KD508', format('%s returned NULL for an event', p_function),
    jsonb_build_object('function', p_function, 'event', p_event),
    'Return the JSON that is meant, for example {} for nothing; look for jsonb_set with a NULL value.');
  return null;
end
$$;
comment on function dbkit._raise_null_result(text, jsonb) is
  'Raises KD508, because an applier or upcaster returned NULL; never returns.';
grant execute on function dbkit._raise_null_result(text, jsonb) to authenticated, service_role, super_admin;
