create or replace function dbkit._raise_not_generated(p_signature text, p_event dbkit.event_store)
returns void
language plpgsql
volatile
as $$
begin
  perform dbkit.raise_error('KD512', format('%s is not in the generated functions', p_signature),
    jsonb_build_object('function', p_signature, 'position', p_event.position),
    'select dbkit._generate_event_functions(); writes them anew.');
end
$$;
comment on function dbkit._raise_not_generated(text, dbkit.event_store) is
  'Raises KD512: no event must pass a projection unread because a generated function is older than the
registry.';
