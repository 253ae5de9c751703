create or replace function dbkit._check_list_request(p_list dbkit.api_lists, p_request jsonb)
returns void
language plpgsql
stable
as $$
declare
  v_unknown jsonb;
  v_field text;
begin
  if p_list.required_role is not null and not dbkit.caller_has_role(p_list.required_role) then
    perform dbkit.raise_error('KD003', format('the list %s needs the role %s', p_list.name, p_list.required_role),
      jsonb_build_object('list', p_list.name, 'required_role', p_list.required_role,
        'caller_role', dbkit.caller_role()));
  elsif jsonb_typeof(p_request) <> 'object' then
    perform dbkit._raise_list_request(p_list.name, '', 'the request must be a JSON object');
  end if;
  v_unknown := p_request - '{limit,cursor,offset,page,last,sort,filter,search,count,fields}'::text[];
  if v_unknown <> '{}' then
    v_field := left((select min(k) from jsonb_object_keys(v_unknown) as k), 63);
    perform dbkit._raise_list_request(p_list.name, v_field, format('a request for a page has no field "%s"', v_field),
      'Fields: limit, cursor, offset, page, last, sort, filter, search, count, fields.');
  end if;
end
$$;
comment on function dbkit._check_list_request(dbkit.api_lists, jsonb) is
  'Raises KD003 when a list is not for the caller, KD140 for a field that page_list does not know.';
grant execute on function dbkit._check_list_request(dbkit.api_lists, jsonb)
to anon, authenticated, service_role, super_admin;
