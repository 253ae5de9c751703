create or replace function dbkit._raise_invalid_query(p_query text, p_params jsonb)
returns void
language plpgsql
stable
as $$
begin
  perform dbkit._raise_invalid_input('KD607', 'query', p_query, 'params', p_params, 65536,
    (select d.params_schema from dbkit.query_definitions d where d.query = p_query));
end
$$;
comment on function dbkit._raise_invalid_query(text, jsonb) is
  'Raises KD607 with each parameter (JSON Pointer) that breaks the query''s schema, 20 at most.';
grant execute on function dbkit._raise_invalid_query(text, jsonb)
to anon, authenticated, service_role, super_admin;
