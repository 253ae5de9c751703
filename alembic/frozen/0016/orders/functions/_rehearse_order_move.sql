-- The first move of a session takes as long as ten later ones, since all that it calls is new there. What
-- nobody else can see is moved first, therefore, and taken back: no order that somebody waits for is locked
-- meanwhile.
create or replace function dbkit._rehearse_order_move()
returns void
language plpgsql
volatile
as $$
declare
  v_order dbkit.orders;
begin
  if coalesce(current_setting('dbkit.orders_rehearsed', true), '') <> '' then
    return;
  end if;
  perform set_config('dbkit.orders_rehearsed', 'on', false);
  select * into v_order from dbkit.orders o order by o.created_at desc, o.id desc limit 1;
  v_order.id := -pg_backend_pid()::bigint;
  v_order.status := 'preparing';
  v_order.completed_at := null;
  begin
    insert into dbkit.orders overriding system value values (v_order.*);
    perform dbkit._move_order(v_order, 'ready', 'auto_heal', null, 'a rehearsal', dbkit.clock());
    raise exception 'back to where it was' using errcode = 'assert_failure';
  exception when assert_failure or others then
    null;
  end;
end
$$;
comment on function dbkit._rehearse_order_move() is
  'Moves an order that is not there, and leaves no trace: once a session, before orders are locked.';
