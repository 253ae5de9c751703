create or replace function dbkit._order_contact(p_contact jsonb, p_is_guest boolean)
returns jsonb
language plpgsql
immutable
as $$
declare
  v_name text := btrim(p_contact ->> 'name');
  v_phone text := btrim(p_contact ->> 'phone');
  v_email text := btrim(p_contact ->> 'email');
  v_problem text;
begin
  v_problem := case
    when length(v_name) not between 1 and 200 or v_name ~ '[[:cntrl:]]' then 'name'
    when length(v_phone) not between 3 and 40 or v_phone ~ '[[:cntrl:]]' or v_phone !~ '[0-9]' then 'phone'
    when length(v_email) > 320 or v_email !~ '^[^@[:space:][:cntrl:]]+@[^@[:space:][:cntrl:]]+$' then 'email'
    when p_is_guest and v_name is null then 'name'
    when p_is_guest and v_phone is null and v_email is null then 'phone'
  end;
  if v_problem is not null then
    perform dbkit.raise_error('KD411', format('the customer''s %s is missing or malformed', v_problem),
      jsonb_build_object('field', 'customer/' || v_problem),
      'A guest gives a name (1 to 200 characters) and a phone number or an e-mail address.');
  end if;
  return jsonb_build_object('name', v_name, 'phone', v_phone, 'email', v_email);
end
$$;
comment on function dbkit._order_contact(jsonb, boolean) is
  'The contact {name, phone, email} of an order, checked; what is not given is null. A guest needs a name
and one of phone and e-mail. Raises KD411.';
