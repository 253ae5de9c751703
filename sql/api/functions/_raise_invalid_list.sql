create or replace function dbkit._raise_invalid_list(p_name text, p_problem text)
returns void
language plpgsql
volatile
as $$
begin
  perform dbkit.raise_error('KD143', format('the list %s cannot be registered: %s', p_name, p_problem),
    jsonb_build_object('list', p_name, 'problem', p_problem),
    'The comment of dbkit.register_list says what a list needs.');
end
$$;
comment on function dbkit._raise_invalid_list(text, text) is 'Raises KD143 for a list, with the reason.';
