create or replace function dbkit._list_number(
  p_list text,
  p_request jsonb,
  p_field text,
  p_default bigint,
  p_least bigint,
  p_most bigint
)
returns bigint
language plpgsql
stable
as $$
declare
  v_value text := p_request ->> p_field;
begin
  if v_value is null then
    return p_default;
  end if;
  if jsonb_typeof(p_request -> p_field) in ('number', 'string') and v_value ~ '^[0-9]{1,15}$'
    and v_value::bigint between p_least and p_most
  then
    return v_value::bigint;
  end if;
  perform dbkit._raise_list_request(p_list, p_field,
    format('%s must be a whole number from %s to %s', p_field, p_least, p_most));
  return null;
end
$$;
comment on function dbkit._list_number(text, jsonb, text, bigint, bigint, bigint) is
  'A whole number of a request within its range, or the default. Raises KD140.';
grant execute on function dbkit._list_number(text, jsonb, text, bigint, bigint, bigint)
to anon, authenticated, service_role, super_admin;
