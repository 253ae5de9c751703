-- Checked before the statement runs, so that a wrong value is the same clear error whatever the table
-- holds and whichever plan is chosen. What settings or the time of day decide (now, tomorrow, 03/04/2026)
-- is refused.
create or replace function dbkit._list_value(p_column jsonb, p_value jsonb)
returns text
language plpgsql
stable
as $$
declare
  v_value text := p_value #>> '{}';
  v_type text := p_column ->> 'type';
  v_kind text := jsonb_typeof(p_value);
begin
  if length(v_value) > 1000 then
    return null;
  end if;
  case p_column ->> 'class'
    when 'text' then
      return case when v_kind = 'string' then v_value end;
    when 'integer' then
      if v_kind in ('number', 'string') and v_value ~ '^-?[0-9]{1,19}$'
        and (v_value::numeric between -9223372036854775808 and 9223372036854775807)
        and (v_type = 'pg_catalog.int8' or dbkit._fits_type(v_value, v_type))
      then
        return v_value::bigint::text;
      end if;
    when 'number' then
      if v_kind in ('number', 'string') and v_value ~ '^-?[0-9]{1,100}([.][0-9]{1,100})?([eE][+-]?[0-9]{1,2})?$'
      then
        return v_value;
      end if;
    when 'boolean' then
      return case when v_value in ('true', 'false') and v_kind in ('boolean', 'string') then v_value end;
    when 'uuid' then
      if v_kind = 'string' and v_value ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
        return lower(v_value);
      end if;
    when 'time' then
      v_value := v_value || case when v_type = 'pg_catalog.timestamptz'
        and v_value ~ '^[0-9-]{10,12}([T ][0-9:.]{2,15})?$' then 'Z' else '' end;
      if v_kind = 'string' and dbkit._fits_type(v_value, v_type) and v_value ~ (case v_type
        when 'pg_catalog.date' then '^[0-9]{4,6}-[0-9]{2}-[0-9]{2}$'
        when 'pg_catalog.timestamp' then '^[0-9]{4,6}-[0-9]{2}-[0-9]{2}([T ][0-9:.]{2,15})?$'
        else '^[0-9]{4,6}-[0-9]{2}-[0-9]{2}([T ][0-9:.]{2,15})?(Z|[+-][0-9]{2}(:?[0-9]{2})?)$' end)
      then
        return v_value;
      end if;
    else
      return case when v_kind = 'string' and dbkit._fits_type(v_value, v_type) then v_value end;
  end case;
  return null;
end
$$;
comment on function dbkit._list_value(jsonb, jsonb) is
  'The text of a filter''s value that can be read as the column''s type; NULL when it does not fit.
Numbers and booleans may be strings too. An instant without an offset is UTC.';
grant execute on function dbkit._list_value(jsonb, jsonb) to anon, authenticated, service_role, super_admin;
