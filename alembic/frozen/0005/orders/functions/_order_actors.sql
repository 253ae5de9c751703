create or replace function dbkit._order_actors(p_order dbkit.orders, p_guest_token text)
returns text[]
language plpgsql
stable
as $$
declare
  v_user_id text := dbkit.context_value('user_id');
  v_actors text[] := array[]::text[];
begin
  if dbkit.caller_has_role('service_role') then
    v_actors := v_actors || 'service'::text;
  end if;
  if dbkit.caller_has_role('authenticated') then
    v_actors := v_actors || array(
      select actor
      from dbkit.user_profiles p
      cross join unnest(
        case p.role when 'staff' then array['staff'] else array['manager', 'staff'] end) as actor
      where p.user_id = v_user_id
        and p.store_id = p_order.store_id
        and p.role in ('staff', 'manager', 'admin')
      order by actor
    );
    if p_order.user_id = v_user_id then
      v_actors := v_actors || 'customer'::text;
    end if;
  end if;
  if p_order.guest_token_hash = sha256(convert_to(lower(p_guest_token), 'UTF8')) then
    v_actors := v_actors || 'customer'::text;
  end if;
  return v_actors;
end
$$;
comment on function dbkit._order_actors(dbkit.orders, text) is
  'In which capacities the caller may act on an order (order_status_transitions.actor), strongest first;
empty when the order is none of the caller''s business.';
