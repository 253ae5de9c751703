create or replace function dbkit._list_filters(p_name text, p_filters jsonb, p_column_types jsonb)
returns jsonb
language plpgsql
stable
as $$
declare
  v_filters jsonb := '{}'::jsonb;
  v_column text;
  v_operators jsonb;
begin
  if jsonb_typeof(coalesce(p_filters, '{}')) <> 'object' then
    perform dbkit._raise_invalid_list(p_name, 'filters must be an object of columns');
  end if;
  for v_column, v_operators in select * from jsonb_each(coalesce(p_filters, '{}')) loop
    if v_operators = 'true' then
      v_operators := to_jsonb(dbkit._list_operators(p_column_types -> v_column));
    elsif jsonb_typeof(v_operators) <> 'array' or v_operators = '[]'
      or v_operators @? '$[*] ? (@.type() != "string")'
    then
      perform dbkit._raise_invalid_list(p_name,
        format('the operators of the filter %s must be true or an array of names', v_column));
    end if;
    v_filters := v_filters || jsonb_build_object(v_column, v_operators);
  end loop;
  return v_filters;
end
$$;
comment on function dbkit._list_filters(text, jsonb, jsonb) is
  'The filters of a list with the operators written out: true means all that fit. Raises KD143.';
