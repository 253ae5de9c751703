create or replace function dbkit._open_own_fields(p_event_type text, p_event_data jsonb)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  return dbkit._open_fields(dbkit.current_organization(), p_event_type, p_event_data);
end
$$;
comment on function dbkit._open_own_fields(text, jsonb) is
  '_open_fields for the caller''s organization: a value of another one does not open.';
grant execute on function dbkit._open_own_fields(text, jsonb) to authenticated, service_role, super_admin;
