create or replace function dbkit.register_query(
  p_query text,
  p_handler text,
  p_depends_on text[] default '{}',
  p_ttl_seconds int default 300,
  p_vary text default 'user',
  p_stream_type text default null,
  p_stream_param text default null,
  p_projections text[] default '{}',
  p_max_entries int default 1000,
  p_params_schema jsonb default '{"type": "object"}',
  p_required_role text default 'authenticated',
  p_description text default ''
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_super_admin('registering a query');
  perform dbkit._register_query(p_query, p_handler, p_depends_on, p_ttl_seconds, p_vary, p_stream_type,
    p_stream_param, p_projections, p_max_entries, p_params_schema, p_required_role, p_description);
end
$$;
comment on function dbkit.register_query(
  text, text, text[], int, text, text, text, text[], int, jsonb, text, text) is
  'Registers a query whose answers are cached, or changes it, which drops what is cached.
p_handler: schema.function(p_params jsonb), returning jsonb, STABLE or IMMUTABLE. Its answer may depend on the
parameters, on data of the caller''s organization that changes with the events named here, and on what
p_vary says; on nothing else, but for the time as far as p_ttl_seconds allows.
An answer is dropped when, in its organization, an event of a type in p_depends_on was appended, or one to the
stream of p_stream_type whose id is the parameter p_stream_param, or one that a projection in p_projections
reads. Name at least one. Projections also make an answer as old as they are: name every one that the
handler reads.
p_vary, who shares an answer: user (the handler runs with the caller''s rights), role or organization (the
handler must be SECURITY DEFINER with a pinned search_path, so that it reads the same for all who share).
p_ttl_seconds: how old an answer gets at most, 0 to 86400; 0 caches nothing. p_max_entries: about how many
are kept of an organization. p_params_schema: JSON Schema of the parameters (see validate_json).
p_required_role: role whose rights the caller needs; NULL: any, also anon.
Needs super_admin. Raises KD003, KD004 (not READ COMMITTED), KD609.
Nullable: p_required_role.';
grant execute on function dbkit.register_query(
  text, text, text[], int, text, text, text, text[], int, jsonb, text, text) to super_admin;
