-- Reads what is protected, and so holds the locks of subjects until the commit: before any row of
-- event_delivery_queues is locked, because forget_subject takes them in that order too.
create or replace function dbkit._write_webhook_messages(p_positions bigint[])
returns void
language plpgsql
volatile
as $$
begin
  insert into dbkit.event_webhook_messages (position, created_at, organization_id, webhook_id, aggregate_type,
    aggregate_id, event_type, body)
  select e.position, dbkit.clock(), e.organization_id, 'msg_' || replace(e.event_id::text, '-', ''),
    e.aggregate_type, e.aggregate_id, e.event_type,
    dbkit._fitting_body(dbkit._webhook_body(row(e.*)::dbkit.event_store), e.position)
  from dbkit.events e
  where e.position = any (p_positions)
  order by e.position
  on conflict do nothing;
end
$$;
comment on function dbkit._write_webhook_messages(bigint[]) is
  'Makes what is sent for the events of these positions, where it is not there yet. Raises KD526, and what
an upcaster raises.';
