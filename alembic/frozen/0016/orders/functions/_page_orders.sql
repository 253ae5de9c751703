-- One statement for every filter, planned anew each time (the setting), so that what is NULL drops
-- out and each form finds its index: idx_orders_user_created, idx_orders_store_created,
-- idx_orders_store_status_created, idx_orders_created. One row more than asked for tells whether
-- there is a next page. The order is the same in every version of the API and so is the cursor: a client
-- in the middle of a list goes on when the active version is switched.
create or replace function dbkit._page_orders(
  p_payload jsonb,
  out order_ids bigint[],
  out next_cursor text
)
language plpgsql
stable
set plan_cache_mode = 'force_custom_plan'
as $$
declare
  v_store_id bigint := (p_payload ->> 'store_id')::bigint;
  v_status text := p_payload ->> 'status';
  v_limit int := coalesce((p_payload ->> 'limit')::int, 20);
  v_user_id text := coalesce(dbkit.context_value('user_id'), '');
  v_filter text;
  v_after record;
  v_last_at timestamptz;
begin
  if v_limit not between 1 and 100 then
    perform dbkit.raise_error('KD004', 'limit must be between 1 and 100',
      jsonb_build_object('argument', 'limit', 'field', 'limit', 'value', v_limit));
  end if;
  v_filter := jsonb_build_array('list_orders', v_store_id, v_status)::text;
  v_after := dbkit._read_order_cursor(p_payload ->> 'cursor', v_filter);
  if dbkit.caller_has_role('service_role') or exists (
    select
    from dbkit.user_profiles p
    where p.user_id = v_user_id
      and p.store_id = v_store_id
      and p.role in ('staff', 'manager', 'admin')
  ) then
    v_user_id := null;
  end if;

  select array_agg(page.id order by page.created_at desc, page.id desc),
    (array_agg(page.created_at order by page.created_at desc, page.id desc))[v_limit]
  into order_ids, v_last_at
  from (
    select o.id, o.created_at
    from dbkit.orders o
    where (v_user_id is null or o.user_id = v_user_id)
      and (v_store_id is null or o.store_id = v_store_id)
      and (v_status is null or o.status = v_status)
      and (v_after.id is null or (o.created_at, o.id) < (v_after.created_at, v_after.id))
    order by o.created_at desc, o.id desc
    limit v_limit + 1
  ) as page;
  if cardinality(order_ids) > v_limit then
    order_ids := order_ids[:v_limit];
    next_cursor := dbkit._write_order_cursor(v_filter, v_last_at, order_ids[v_limit]);
  end if;
end
$$;
comment on function dbkit._page_orders(jsonb) is
  'One page, newest first, for {store_id?, status?, limit? (1 to 100, else 20), cursor?}: the ids and the
cursor of the next page, NULL after the last. Staff of the store and the service get the store''s orders
(the service all when there is no store_id); everyone else their own. Raises KD004, KD413.';
grant execute on function dbkit._page_orders(jsonb)
to authenticated, service_role, super_admin;
