-- ROWS 1 is the point: the planner then always takes these rows first and goes to the place of each.
create or replace function dbkit._each_row(p_places tid[], p_delivery_ids bigint[])
returns table (place tid, delivery_id bigint)
language plpgsql
immutable
rows 1
as $$
begin
  return query select u.place, u.delivery_id from unnest(p_places, p_delivery_ids) as u (place, delivery_id);
end
$$;
comment on function dbkit._each_row(tid[], bigint[]) is
  'Rows of event_delivery_log by where they are, for a statement whose plan must not depend on how many.';
