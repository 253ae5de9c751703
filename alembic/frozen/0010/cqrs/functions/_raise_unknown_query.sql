create or replace function dbkit._raise_unknown_query(p_query text)
returns void
language plpgsql
volatile
as $$
begin
  perform dbkit.raise_error('KD606', format('there is no query %s', left(p_query, 100)),
    jsonb_build_object('query', left(p_query, 100)),
    'select query from dbkit.list_queries() lists them; one that was registered just now: ask again.');
end
$$;
comment on function dbkit._raise_unknown_query(text) is 'Raises KD606.';
grant execute on function dbkit._raise_unknown_query(text)
to anon, authenticated, service_role, super_admin;
