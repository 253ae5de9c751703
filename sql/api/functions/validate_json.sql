create or replace function dbkit.validate_json(p_schema jsonb, p_value jsonb, p_path text default '')
returns table (path text, keyword text, message text)
language plpgsql
immutable
as $$
declare
  v_type text := jsonb_typeof(p_value);
  v_known text[] := array(select jsonb_object_keys(coalesce(p_schema -> 'properties', '{}')));
  v_sub jsonb;
  v_item record;
  v_item_path text;
  v_key record;
begin
  if p_schema = 'true' then
    return;
  elsif p_schema = 'false' then
    return query select p_path, 'false', 'nothing is allowed here';
    return;
  end if;
  if not dbkit._json_type_fits(p_schema -> 'type', p_value) then
    return query select p_path, 'type', format('must be %s, is %s',
      case jsonb_typeof(p_schema -> 'type') when 'array'
        then (select string_agg(t, ' or ') from jsonb_array_elements_text(p_schema -> 'type') t)
        else p_schema ->> 'type' end, v_type);
    return;
  end if;
  if p_schema ? 'enum' and not exists (
    select from jsonb_array_elements(p_schema -> 'enum') e where e = p_value
  ) then
    return query select p_path, 'enum', format('must be one of %s', p_schema -> 'enum');
  end if;
  if p_schema ? 'const' and p_schema -> 'const' <> p_value then
    return query select p_path, 'const', format('must be %s', p_schema -> 'const');
  end if;
  for v_key in select * from dbkit._json_keywords() k where p_schema ? k.keyword loop
    if v_key.applies = v_type and not dbkit._json_measure_fits(
      v_key.keyword, p_value, p_schema -> v_key.keyword)
    then
      return query select p_path, v_key.keyword,
        format('breaks %s %s', v_key.keyword, p_schema ->> v_key.keyword);
    end if;
  end loop;
  if v_type = 'array' and p_schema ? 'items' then
    for v_item in select * from jsonb_array_elements(p_value) with ordinality as e (value, n) loop
      return query select v.path, v.keyword, v.message
        from dbkit.validate_json(p_schema -> 'items', v_item.value, p_path || '/' || v_item.n - 1) v;
    end loop;
  elsif v_type = 'object' then
    return query
      select p_path || '/' || replace(replace(r, '~', '~0'), '/', '~1'), 'required', 'is required'
      from jsonb_array_elements_text(coalesce(p_schema -> 'required', '[]')) as r
      where not p_value ? r;
    for v_item in select * from jsonb_each(p_value) as e (key, value) loop
      v_sub := case when v_item.key = any (v_known) then p_schema -> 'properties' -> v_item.key
        else coalesce(p_schema -> 'additionalProperties', 'true') end;
      v_item_path := p_path || '/' || replace(replace(v_item.key, '~', '~0'), '/', '~1');
      if v_sub = 'false' and v_item.key <> all (v_known) then
        return query select v_item_path, 'additionalProperties', 'is not a known field';
      else
        return query select v.path, v.keyword, v.message
          from dbkit.validate_json(v_sub, v_item.value, v_item_path) v;
      end if;
    end loop;
  end if;
end
$$;
comment on function dbkit.validate_json(jsonb, jsonb, text) is
  'What in a value breaks a JSON Schema: path (JSON Pointer), keyword, message; no rows when it is valid.
Keywords: type, properties, required, additionalProperties, items, enum, const, minimum, maximum,
exclusiveMinimum, exclusiveMaximum, minLength, maxLength, pattern (POSIX), minItems, maxItems; title,
description, default, examples and format say something to readers only. An integer must fit
bigint and is written without a fraction (1.0 is none: a handler casts the text).';
grant execute on function dbkit.validate_json(jsonb, jsonb, text)
to anon, authenticated, service_role, super_admin;
