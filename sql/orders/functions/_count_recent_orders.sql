create or replace function dbkit._count_recent_orders(p_params jsonb)
returns bigint
language plpgsql
stable
as $$
begin
  return (
    select count(*)
    from dbkit.orders o
    where o.created_at > dbkit.clock() - make_interval(hours => coalesce((p_params ->> 'of_hours')::int, 24)));
end
$$;
comment on function dbkit._count_recent_orders(jsonb) is
  'population_function of the heal rules of orders: how many were made in the last p_params.of_hours (24)
hours.';
grant execute on function dbkit._count_recent_orders(jsonb) to service_role, super_admin;
