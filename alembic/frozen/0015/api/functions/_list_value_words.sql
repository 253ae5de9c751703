create or replace function dbkit._list_value_words(p_operator text, p_column jsonb)
returns text
language plpgsql
immutable
as $$
declare
  v_type text := split_part(p_column ->> 'type', '.', 2);
  v_one text := case p_column ->> 'class'
    when 'text' then 'a string of at most 1000 characters'
    when 'integer' then 'a whole number in the range of ' || v_type
    when 'number' then 'a number'
    when 'boolean' then 'true or false'
    when 'uuid' then 'a UUID'
    when 'time' then case v_type when 'date' then 'a date such as 2026-01-31'
      when 'timestamp' then 'a time such as 2026-01-31T12:00:00'
      else 'a time such as 2026-01-31T12:00:00Z' end
    else 'a string that can be read as ' || v_type end;
begin
  return case p_operator
    when 'null' then 'true or false'
    when 'in' then 'an array of at most 100 values, each ' || v_one
    when 'like' then 'a pattern of at most 200 characters with at most 5 %, not ending in a single \'
    else v_one end;
end
$$;
comment on function dbkit._list_value_words(text, jsonb) is 'What a value of a filter must be, in words.';
grant execute on function dbkit._list_value_words(text, jsonb)
to anon, authenticated, service_role, super_admin;
