create or replace function dbkit._json_measure_fits(p_keyword text, p_value jsonb, p_operand jsonb)
returns boolean
language plpgsql
immutable
as $$
begin
  return case p_keyword
    when 'minimum' then (p_value #>> '{}')::numeric >= (p_operand #>> '{}')::numeric
    when 'maximum' then (p_value #>> '{}')::numeric <= (p_operand #>> '{}')::numeric
    when 'exclusiveMinimum' then (p_value #>> '{}')::numeric > (p_operand #>> '{}')::numeric
    when 'exclusiveMaximum' then (p_value #>> '{}')::numeric < (p_operand #>> '{}')::numeric
    when 'minLength' then length(p_value #>> '{}') >= (p_operand #>> '{}')::numeric
    when 'maxLength' then length(p_value #>> '{}') <= (p_operand #>> '{}')::numeric
    when 'pattern' then p_value #>> '{}' ~ (p_operand #>> '{}')
    when 'minItems' then jsonb_array_length(p_value) >= (p_operand #>> '{}')::numeric
    when 'maxItems' then jsonb_array_length(p_value) <= (p_operand #>> '{}')::numeric
  end;
end
$$;
comment on function dbkit._json_measure_fits(text, jsonb, jsonb) is
  'Whether a value of the right type satisfies one keyword of _json_keywords.';
grant execute on function dbkit._json_measure_fits(text, jsonb, jsonb)
to anon, authenticated, service_role, super_admin;
