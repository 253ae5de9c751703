create or replace function dbkit._json_type_fits(p_type jsonb, p_value jsonb)
returns boolean
language plpgsql
immutable
as $$
declare
  v_type text;
  v_number numeric;
begin
  if p_type is null then
    return true;
  end if;
  for v_type in
    select jsonb_array_elements_text(
      case jsonb_typeof(p_type) when 'array' then p_type else jsonb_build_array(p_type) end)
  loop
    if v_type = 'integer' and jsonb_typeof(p_value) = 'number' then
      v_number := (p_value #>> '{}')::numeric;
      if v_number between -9223372036854775808 and 9223372036854775807
        and scale(v_number) = 0
      then
        return true;
      end if;
    elsif v_type = jsonb_typeof(p_value) then
      return true;
    end if;
  end loop;
  return false;
end
$$;
comment on function dbkit._json_type_fits(jsonb, jsonb) is
  'Whether a value is of a JSON Schema type, or of one of a list of them.';
grant execute on function dbkit._json_type_fits(jsonb, jsonb)
to anon, authenticated, service_role, super_admin;
