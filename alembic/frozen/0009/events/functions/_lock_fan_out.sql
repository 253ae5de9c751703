-- Whoever makes deliveries of events, or deletes messages that none refers to, holds this row: first of all
-- locks, before those of subjects and of queues.
create or replace function dbkit._lock_fan_out()
returns bigint
language plpgsql
volatile
as $$
declare
  v_position bigint;
begin
  insert into dbkit.event_reader_checkpoints (reader, position, updated_at)
  select 'dbkit.webhooks', 0, dbkit.clock()
  where not exists (select from dbkit.event_reader_checkpoints c where c.reader = 'dbkit.webhooks')
  on conflict do nothing;
  select c.position
  into v_position
  from dbkit.event_reader_checkpoints c
  where c.reader = 'dbkit.webhooks'
  for update;
  return v_position;
end
$$;
comment on function dbkit._lock_fan_out() is
  'Keeps queue_event_for_webhooks waiting until the transaction ends; how far it has come.';
