create or replace function dbkit.register_rpc(
  p_name text,
  p_version text,
  p_handler text,
  p_access text default 'read',
  p_required_role text default null,
  p_request_schema jsonb default '{"type": "object"}',
  p_response_schema jsonb default null,
  p_compatible_with text[] default '{}',
  p_description text default ''
)
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_super_admin('registering a call');
  return dbkit._register_rpc(p_name, p_version, p_handler, p_access, p_required_role, p_request_schema,
    p_response_schema, p_compatible_with, p_description);
end
$$;
comment on function dbkit.register_rpc(text, text, text, text, text, jsonb, jsonb, text[], text) is
  'Registers a call of an API version, or replaces it; it is served from the commit on.
p_handler: schema.function(jsonb), returning jsonb; a call with access read must be STABLE or IMMUTABLE.
p_required_role: role whose rights the caller needs. p_request_schema: JSON Schema of the payload (see
validate_json). p_compatible_with: newer versions whose payload means the same, for a write.
Returns the call''s number. Needs super_admin. Raises KD003, KD102, KD108.';
grant execute on function dbkit.register_rpc(
  text, text, text, text, text, jsonb, jsonb, text[], text) to super_admin;
