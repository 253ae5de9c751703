-- The type comes in by name and goes into the statement as its own quoted name, or not at all.
create or replace function dbkit._fits_type(p_value text, p_type text)
returns boolean
language plpgsql
stable
as $$
begin
  execute format('select ($1)::%s', coalesce(to_regtype(p_type)::text, 'pg_catalog.text')) using p_value;
  return true;
exception
  when data_exception or program_limit_exceeded then
    return false;
end
$$;
comment on function dbkit._fits_type(text, text) is
  'Whether a text can be read as a value of a type. PostgreSQL 16 has pg_input_is_valid for this, 15 has
not.';
grant execute on function dbkit._fits_type(text, text) to anon, authenticated, service_role, super_admin;
