create or replace function dbkit._command_hash(p_command text, p_payload jsonb, p_expected_version bigint)
returns bytea
language sql
immutable
as $$
select sha256(convert_to(p_command || ' ' || coalesce(p_expected_version::text, '-') || ' ' || p_payload::text,
  'UTF8'))
$$;
comment on function dbkit._command_hash(text, jsonb, bigint) is
  'What two requests with one key must have in common.';
grant execute on function dbkit._command_hash(text, jsonb, bigint)
to anon, authenticated, service_role, super_admin;
