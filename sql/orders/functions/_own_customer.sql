-- The first order makes the account's row. A later one does not change it: an order for a friend
-- carries the friend's contact, the account keeps its own.
create or replace function dbkit._own_customer(
  p_organization_id text,
  p_user_id text,
  p_contact jsonb
)
returns dbkit.customers
language plpgsql
volatile
as $$
declare
  v_customer dbkit.customers;
begin
  if p_user_id is null then
    return null;
  end if;
  for v_try in 1..2 loop
    select * into v_customer
    from dbkit.customers c
    where c.organization_id = p_organization_id and c.user_id = p_user_id;
    exit when found;
    insert into dbkit.customers (organization_id, user_id, name, phone, email)
    values (p_organization_id, p_user_id, p_contact ->> 'name', p_contact ->> 'phone',
      p_contact ->> 'email')
    on conflict (organization_id, user_id) do nothing;
  end loop;
  return v_customer;
end
$$;
comment on function dbkit._own_customer(text, text, jsonb) is
  'A user''s row of customers in an organization, made when missing; NULL for no user.';
