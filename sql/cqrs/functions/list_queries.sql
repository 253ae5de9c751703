create or replace function dbkit.list_queries()
returns table (
  query text,
  handler_signature text,
  event_types text[],
  stream_type text,
  stream_param text,
  projections text[],
  vary text,
  ttl_seconds int,
  max_entries int,
  required_role text,
  params_schema jsonb,
  description text,
  registered_at timestamptz,
  registered_by text
)
language plpgsql
stable
as $$
begin
  return query
  select d.query, d.handler_signature, d.event_types, d.stream_type, d.stream_param, d.projections, d.vary,
    d.ttl_seconds, d.max_entries, d.required_role, d.params_schema, d.description, d.registered_at,
    d.registered_by
  from dbkit.query_definitions d
  order by d.query;
end
$$;
comment on function dbkit.list_queries() is
  'The registered queries and what their answers depend on. required_role is NULL where any role may ask.
Nullable: stream_type, stream_param, required_role.';
grant execute on function dbkit.list_queries() to anon, authenticated, service_role, super_admin;
