-- A payload is checked on every call; walking a schema in PL/pgSQL would cost more than the call. So
-- a schema is turned once, when registered, into one boolean expression that the dispatcher holds.
-- Only text of the schema gets into it, as literals; what is wrong is then told by validate_json,
-- which reads the same keywords (a test holds both against a library).
create or replace function dbkit._json_check(p_schema jsonb, p_value text)
returns text
language plpgsql
immutable
as $$
declare
  v_checks text[] := array[]::text[];
  v_types jsonb;
  v_text text := format('(%s #>> ''{}'')', p_value);
  v_number text := format('(%s #>> ''{}'')::numeric', p_value);
begin
  if p_schema = 'true' or p_schema = '{}' then
    return 'true';
  elsif p_schema = 'false' then
    return 'false';
  end if;
  if p_schema ? 'type' then
    v_types := case jsonb_typeof(p_schema -> 'type') when 'array' then p_schema -> 'type'
      else jsonb_build_array(p_schema -> 'type') end;
    v_checks := v_checks || format('(%s)', (
      select string_agg(
        case when t = 'integer' then format(
            'case when jsonb_typeof(%s) = ''number'' then %s between -9223372036854775808 and '
            '9223372036854775807 and scale(%s) = 0 else false end',
            p_value, v_number, v_number)
          else format('jsonb_typeof(%s) = %L', p_value, t) end, ' or ')
      from jsonb_array_elements_text(v_types) as t));
  end if;
  if p_schema ? 'enum' then
    v_checks := v_checks || format('%s in (%s)', p_value, (
      select string_agg(format('%L::jsonb', e), ', ') from jsonb_array_elements(p_schema -> 'enum') e));
  end if;
  if p_schema ? 'const' then
    v_checks := v_checks || format('%s = %L::jsonb', p_value, p_schema -> 'const');
  end if;
  v_checks := v_checks || (
    select coalesce(array_agg(format(
      'case when jsonb_typeof(%s) = %L then %s %s %s else true end', p_value, k.applies,
      case k.applies when 'number' then v_number when 'string' then format(k.measure, v_text)
        else format(k.measure, p_value) end, k.operator,
      case when k.keyword = 'pattern' then format('%L', p_schema ->> k.keyword)
        else p_schema ->> k.keyword end) order by k.keyword), '{}')
    from dbkit._json_keywords() as k
    where p_schema ? k.keyword);
  if p_schema ? 'properties' or p_schema ? 'required' or p_schema ? 'additionalProperties' then
    v_checks := v_checks || dbkit._json_object_check(p_schema, p_value);
  end if;
  if p_schema ? 'items' then
    v_checks := v_checks || format(
      'case when jsonb_typeof(%1$s) = ''array'' then not exists (select from jsonb_array_elements(%1$s) '
      'as _%2$s where (%3$s) is not true) else true end', p_value, md5(p_value),
      dbkit._json_check(p_schema -> 'items', '_' || md5(p_value) || '.value'));
  end if;
  return case when v_checks = '{}' then 'true' else array_to_string(v_checks, ' and ') end;
end
$$;
comment on function dbkit._json_check(jsonb, text) is
  'SQL expression that is true when the JSON expression p_value satisfies the schema.';
