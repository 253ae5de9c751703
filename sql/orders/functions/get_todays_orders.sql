-- Definer, because events and read models of orders are the service's: RLS of orders lets a customer see
-- their own only, and this is about everybody's.
create or replace function dbkit.get_todays_orders(p_store_id bigint, p_day date default null)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_store dbkit.stores;
  v_day date := coalesce(p_day, (dbkit.clock() at time zone 'UTC')::date);
  v_state jsonb;
begin
  select * into v_store from dbkit.stores s where s.id = p_store_id;
  if not dbkit.caller_has_role('service_role') and not exists (
    select from dbkit.user_profiles p
    where p.user_id = dbkit.context_value('user_id') and p.store_id = p_store_id
      and p.role in ('staff', 'manager', 'admin'))
  then
    perform dbkit.raise_error('KD003', format('the orders of store %s are for its staff', p_store_id),
      jsonb_build_object('store_id', p_store_id), 'Call as a user with a staff row in user_profiles.');
  elsif v_store.id is null then
    perform dbkit.raise_error('KD402', format('there is no store %s', p_store_id),
      jsonb_build_object('store_id', p_store_id));
  end if;
  v_state := dbkit._read_projection(v_store.organization_id, 'todays_orders', format('%s/%s', v_day, p_store_id));
  return jsonb_build_object('store_id', p_store_id, 'day', v_day, 'currency', v_store.currency,
    'orders', coalesce(v_state -> 'orders', '0'), 'revenue', coalesce(v_state -> 'revenue', '0'),
    'by_status', coalesce(v_state -> 'by_status', '{}'));
end
$$;
comment on function dbkit.get_todays_orders(bigint, date) is
  'How many orders a store took on a day (UTC; NULL today), what they come to and how they stand, derived from
the events of orders and brought up to date by reading: read model todays_orders. revenue: sum of the
totals of orders not cancelled. For staff of the store, and service_role.
Returns {store_id bigint, day date, currency text, orders int, revenue numeric, by_status jsonb}.
Raises KD003, KD402, KD507 (not READ COMMITTED, or a replica).';
grant execute on function dbkit.get_todays_orders(bigint, date) to authenticated, service_role, super_admin;
