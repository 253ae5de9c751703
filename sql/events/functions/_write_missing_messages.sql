create or replace function dbkit._write_missing_messages(p_delivery_ids bigint[])
returns void
language plpgsql
volatile
as $$
declare
  v_positions bigint[];
begin
  select array_agg(d.position)
  into v_positions
  from dbkit.event_delivery_log d
  where d.delivery_id = any (p_delivery_ids) and d.position is not null and not exists (
    select from dbkit.event_webhook_messages m
    where m.organization_id = d.event_organization_id and m.webhook_id = d.webhook_id);
  if v_positions is not null then
    perform dbkit._write_webhook_messages(v_positions);
  end if;
end
$$;
comment on function dbkit._write_missing_messages(bigint[]) is
  'Makes what is sent for deliveries that died of it: an upcaster had raised. Raises what it raises again.';
