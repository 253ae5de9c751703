-- A keyword that is not understood would silently allow what its author meant to refuse.
create or replace function dbkit._check_json_schema(p_schema jsonb, p_path text default '')
returns void
language plpgsql
immutable
as $$
declare
  v_key text;
  v_value jsonb;
  v_problem text;
  v_types constant jsonb := jsonb_build_array(
    'null', 'boolean', 'object', 'array', 'number', 'string', 'integer');
begin
  if jsonb_typeof(p_schema) = 'boolean' then
    return;
  elsif jsonb_typeof(p_schema) is distinct from 'object' then
    perform dbkit.raise_error('KD108', format('the schema at "%s" is neither object nor boolean', p_path),
      jsonb_build_object('path', p_path), 'The comment of dbkit.validate_json lists the keywords.');
  end if;
  for v_key, v_value in select * from jsonb_each(p_schema) loop
    v_problem := case
      when v_key in ('title', 'description', 'default', 'examples', 'format', '$schema', '$id')
        then null
      -- Notes of the author's, or of a gateway: nothing that a payload is checked for.
      when v_key like 'x-%' then null
      when v_key = 'type' then case
        when jsonb_typeof(v_value) not in ('string', 'array') or v_value = '[]'
          or not v_types @> v_value then 'names a type that JSON Schema does not have' end
      when v_key in ('enum', 'required') and (jsonb_typeof(v_value) <> 'array' or v_value = '[]')
        then 'must be a list with entries'
      when v_key = 'required' then case
        when exists (
          select from jsonb_array_elements(v_value) as e where jsonb_typeof(e) <> 'string'
        ) then 'must be a list of names' end
      when v_key in ('minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum') then case
        when jsonb_typeof(v_value) <> 'number' then 'must be a number' end
      when v_key in ('minLength', 'maxLength', 'minItems', 'maxItems') then case
        when jsonb_typeof(v_value) <> 'number' or v_value #>> '{}' !~ '^[0-9]{1,9}$'
          then 'must be a whole number from 0' end
      when v_key = 'pattern' then case
        when jsonb_typeof(v_value) <> 'string' then 'must be a string'
        when not dbkit._is_pattern(v_value #>> '{}') then 'is not a POSIX regular expression' end
      when v_key = 'properties' then case
        when jsonb_typeof(v_value) <> 'object' then 'must be an object' end
      when v_key not in ('const', 'enum', 'items', 'additionalProperties') then 'is not supported here'
    end;
    if v_problem is not null then
      perform dbkit.raise_error('KD108',
        format('JSON Schema keyword "%s" at "%s" %s', v_key, p_path, v_problem),
        jsonb_build_object('path', p_path, 'keyword', v_key),
        'The comment of dbkit.validate_json lists the keywords.');
    end if;
    if v_key in ('items', 'additionalProperties') then
      perform dbkit._check_json_schema(v_value, p_path || '/' || v_key);
    elsif v_key = 'properties' then
      perform dbkit._check_json_schema(e.value, p_path || '/properties/' || e.key)
      from jsonb_each(v_value) as e;
    end if;
  end loop;
end
$$;
comment on function dbkit._check_json_schema(jsonb, text) is
  'Raises KD108 when a schema uses a keyword that is not supported, or uses it wrongly.';
