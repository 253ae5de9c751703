create or replace function dbkit._json_object_check(p_schema jsonb, p_value text)
returns text
language plpgsql
immutable
as $$
declare
  v_checks text[] := array[]::text[];
  v_key text;
  v_sub jsonb;
  v_check text;
  v_known text := format('%L::text[]', array(
    select jsonb_object_keys(coalesce(p_schema -> 'properties', '{}'))));
  v_required text[] := array(select jsonb_array_elements_text(coalesce(p_schema -> 'required', '[]')));
begin
  if v_required <> '{}' then
    v_checks := v_checks || format('%s ?& %L::text[]', p_value, v_required);
  end if;
  for v_key, v_sub in select * from jsonb_each(coalesce(p_schema -> 'properties', '{}')) loop
    v_check := dbkit._json_check(v_sub, format('(%s -> %L)', p_value, v_key));
    if v_check <> 'true' then
      v_checks := v_checks || format('(%s %s)',
        case when v_key = any (v_required) then '' else format('not %s ? %L or', p_value, v_key) end,
        v_check);
    end if;
  end loop;
  if p_schema -> 'additionalProperties' = 'false' then
    v_checks := v_checks || format('%s - %s = ''{}''', p_value, v_known);
  elsif jsonb_typeof(p_schema -> 'additionalProperties') = 'object' then
    v_checks := v_checks || format(
      'not exists (select from jsonb_each(%s - %s) as _%s where (%s) is not true)', p_value, v_known,
      md5(p_value), dbkit._json_check(p_schema -> 'additionalProperties',
        '_' || md5(p_value) || '.value'));
  end if;
  if v_checks = '{}' then
    return 'true';
  end if;
  return format('case when jsonb_typeof(%s) = ''object'' then %s else true end', p_value,
    array_to_string(v_checks, ' and '));
end
$$;
comment on function dbkit._json_object_check(jsonb, text) is
  'The part of _json_check for properties, required and additionalProperties.';
