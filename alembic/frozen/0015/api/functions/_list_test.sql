create or replace function dbkit._list_test(
  p_list dbkit.api_lists,
  p_column text,
  p_operator text,
  p_value jsonb,
  p_place int,
  out condition text,
  out value text
)
language plpgsql
stable
as $$
declare
  v_column jsonb := p_list.column_types -> p_column;
  v_field text := format('filter.%s.%s', p_column, p_operator);
  v_texts text[];
begin
  case p_operator
    when 'null' then
      value := dbkit._list_value('{"class": "boolean"}', p_value);
      condition := format('t.%I is %snull', p_column, case value when 'false' then 'not ' else '' end);
    when 'in' then
      if jsonb_typeof(p_value) = 'array' and jsonb_array_length(p_value) <= 100 then
        v_texts := array(select dbkit._list_value(v_column, e) from jsonb_array_elements(p_value) as e);
        value := case when array_position(v_texts, null) is null then v_texts::text end;
      end if;
      condition := format('t.%I = any (($4)[%s]::%s[])', p_column, p_place, v_column ->> 'type');
    when 'like' then
      value := dbkit._list_value(v_column, p_value);
      -- Each % may try the rest of the text anew; and a pattern must not end in the middle of an escape.
      if length(value) > 200 or length(value) - length(replace(value, '%', '')) > 5
        or length(substring(value from '\\*$')) % 2 = 1
      then
        value := null;
      end if;
      condition := format('t.%I like ($4)[%s]', p_column, p_place);
    else
      value := dbkit._list_value(v_column, p_value);
      condition := format('t.%I %s ($4)[%s]::%s', p_column,
        case p_operator when 'eq' then '=' when 'ne' then '<>' when 'gt' then '>' when 'gte' then '>='
          when 'lt' then '<' else '<=' end, p_place, v_column ->> 'type');
  end case;
  if value is null then
    perform dbkit._raise_list_request(p_list.name, v_field,
      format('the value of %s does not fit: it must be %s', v_field, dbkit._list_value_words(p_operator, v_column)),
      null, jsonb_build_object('column', p_column, 'operator', p_operator));
  end if;
end
$$;
comment on function dbkit._list_test(dbkit.api_lists, text, text, jsonb, int) is
  'SQL of one test of a filter, over ($4)[p_place], and the text that goes there. Raises KD140.';
grant execute on function dbkit._list_test(dbkit.api_lists, text, text, jsonb, int)
to anon, authenticated, service_role, super_admin;
